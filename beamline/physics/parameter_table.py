"""The table of the model's uncertain numbers: to be read, questioned and edited by a physicist.

Columns: name, symbol, unit, nominal, spread (one sigma: of the logarithm for "lognormal", absolute for "normal"), prior,
status, source. Values marked "fitted" are the solution of `beamline.physics.calibrate` against the paper's numbers; a
test solves them again and compares. So they are a fit to the paper, not evidence for the model.
"""

# ruff: noqa: E501  # a table reads best with one row a line
from __future__ import annotations

from typing import Literal

__all__ = ["ROWS"]

_Row = tuple[
    str,
    str,
    str,
    float,
    float,
    Literal["lognormal", "normal"],
    Literal["fitted", "tuned", "literature", "unverified", "assumed"],
    str,
]

_YANG = "Yang et al. 2017, Impact of the halide cage, ACS Energy Letters, arXiv:1706.04489 (magneto-transmission, low temperature)"
_FROM_MEMORY = "; the paper was found, its table of numbers was not: quoted from memory"
_YAKOVLEV = "arXiv:2307.07035 (reflectivity to 60 T: 0.18 m0, 8.7, 32.5 meV)"
_STRAUS = "Straus et al. 2019, arXiv:1905.12486: bulk gamma-CsPbI3 1.63(3) eV, some 90 meV below films"
_SUN = "Sun et al. 2022, Science 375, 307"
_MIYAMOTO = "Miyamoto 2011, doi:10.1364/OE.19.010714"
_VISCOUS = "apparent barrier of viscous flow in borosilicate, 300-400 kJ/mol"

# fmt: off
ROWS: tuple[_Row, ...] = (
    # ------------------------------------------------------------------------------------------ laser and absorption
    ("optical_transmission", "T_opt", "1", 0.25, 0.15, "lognormal", "tuned", "P3: 500 mW at the sample / (200 uJ x 10 kHz); unused where the power was measured"),
    ("absorptivity_limit", "A_inf", "1", 0.53, 0.15, "lognormal", "literature", "nonlinear absorptivity of borosilicate reaches 0.9 at 10 ps, " + _MIYAMOTO),
    ("absorptivity_exponent", "p", "1", 0.30, 0.25, "lognormal", "tuned", "absorptivity rises with pulse energy, " + _MIYAMOTO),
    ("threshold_fluence_J_cm2", "F_th", "J/cm2", 3.0, 0.30, "lognormal", "literature", "ablation thresholds of silicate glasses, 2.3-4.3 J/cm2 at 130 fs (Grehn, Fraunhofer publica N-229343)"),
    ("beam_quality", "M2", "1", 1.2, 0.08, "lognormal", "assumed", "good fs laser and a plain objective"),
    ("source_radius_um", "a_ref", "um", 12.0, 0.15, "lognormal", "assumed", "heat source at 50 uJ; some 50 critical powers: set by filamentation, not by the NA"),
    ("source_growth_1_mm", "c_ab", "1/mm", 0.3, 0.40, "lognormal", "assumed", "spherical aberration widens the source with depth"),
    ("rewrite_absorption_gain", "g_2", "1", 1.0, 0.05, "lognormal", "assumed", "absorptivity of passes after the first over that of the first; 1: a pass is like any other"),
    # ---------------------------------------------------------------------------------------------------------- heat
    ("conductivity_W_mK", "K", "W/(m K)", 1.05, 0.08, "lognormal", "literature", "borosilicate glasses, 0.96-1.2 W/(m K) (data sheets)"),
    ("heat_capacity_J_cm3K", "rho c", "J/(cm3 K)", 2.05, 0.06, "lognormal", "literature", "2.2-2.6 g/cm3 x 830 J/(kg K) (data sheets); diffusivity 0.51 mm2/s"),
    ("damage_temperature_K", "T_dam", "K", 2968.679, 0.05, "lognormal", "fitted", "P2: 200 uJ is the brightest"),
    ("damage_steepness", "q_dam", "1", 10.0, 0.20, "lognormal", "assumed", "voids set in over about 10 % of temperature"),
    # ---------------------------------------------------------------------------------------- nucleation and growth
    ("liquidus_K", "T_L", "K", 1250.0, 0.04, "lognormal", "assumed", "of the halide-rich liquid; above T_g (440-560 degC in the literature), below the melt"),
    ("nose_K", "T_nose", "K", 960.0, 0.03, "lognormal", "assumed", "temperature of fastest nucleation; gives features of some 50 um at 0.5 W"),
    ("nucleation_barrier_eV", "E_N", "eV", 3.2, 0.10, "lognormal", "assumed", _VISCOUS),
    ("nose_time_s", "tau_N", "s", 3.181954, 0.25, "lognormal", "fitted", "P11: dots need 1 s"),
    ("avrami_exponent", "n", "1", 2.5, 0.10, "lognormal", "assumed", "nucleation with growth limited by diffusion in three dimensions"),
    ("laser_activation", "chi_L", "1", 1e5, 1.00, "lognormal", "assumed", "nucleation under the laser over that in the furnace; at least 1e3 keeps P10"),
    ("line_equivalence", "s_line", "1", 163.4199, 0.30, "lognormal", "fitted", "a line dwells 0.17 s where a dot needs 1 s (P2 against P11): the weakest link of the model"),
    ("loss_per_transport", "l", "1", 0.2368214, 0.50, "lognormal", "fitted", "P2: 0.4 mm/s is the brightest; halide lost under over-exposure"),
    ("visible_share", "f_det", "1", 0.05, 0.20, "lognormal", "assumed", "crystallised share at the rim of what the eye calls a dot or a line"),
    # ---------------------------------------------------------------------------------------------- sizes of the dots
    ("TEM_ratio", "kappa_TEM", "1", 2.199742, 0.15, "lognormal", "fitted", "emission-weighted over TEM mean diameter (P17): reconciles P14 with P17, a fudge"),
    ("green_diameter_nm", "d_G", "nm", 8.052848, 0.06, "lognormal", "fitted", "P15: green bleach at 508 nm; emission-weighted"),
    ("red_diameter_nm", "d_R", "nm", 12.389, 0.08, "lognormal", "fitted", "P17: 5.80 nm x kappa_TEM"),
    ("iodide_diameter_nm", "d_I", "nm", 10.06653, 0.08, "lognormal", "fitted", "690 nm for the pure-iodide glass, which " + _SUN + " ascribes to CsPbI3 written in glass by a laser; the paper gives no wavelength"),
    ("size_exponent", "g_d", "1", 0.05, 0.40, "lognormal", "assumed", "diameter against nucleation dose"),
    ("green_coarsening_nm3", "k_c,G", "nm3", 67.39202, 0.40, "lognormal", "fitted", "P23: 2 nm red-shift; growth of d^3 in 2 h at 550 degC"),
    ("red_coarsening_nm3", "k_c,R", "nm3", 300.0, 0.40, "lognormal", "assumed", "growth of d^3 in 2 h at 550 degC"),
    ("coarsening_barrier_eV", "E_c", "eV", 1.2, 0.20, "lognormal", "assumed", "coarsening in glass"),
    # ------------------------------------------------------------------------------------------------ halide exchange
    ("residual_enrichment", "q", "1", 3.479106, 0.15, "lognormal", "fitted", "P32: 655 nm; iodide fraction of the residual melt 1 - (1 - y)^q"),
    ("birth_exponent", "p_0", "1", 4.0, 0.10, "lognormal", "assumed", "iodide fraction of the red phase at birth, y^p_0"),
    ("exchange_per_transport", "r_x", "1", 0.7014928, 0.25, "lognormal", "fitted", "P14, P21: 613 nm"),
    ("transport_excess_barrier_eV", "E_x", "eV", 0.3, 0.30, "lognormal", "assumed", "halide transport over nucleation: ions gain more from heat than nuclei do"),
    ("conversion_steepness", "eta", "1", 1.513699, 0.25, "lognormal", "fitted", "half of the crystals are red after one pass (assumed share)"),
    ("furnace_exchange_rate_1_s", "k_xh", "1/s", 6.561162e-05, 0.40, "lognormal", "fitted", "P24: 647 nm; at 550 degC"),
    ("furnace_exchange_barrier_eV", "E_xh", "eV", 1.3, 0.15, "lognormal", "assumed", "only the end points are known: weak"),
    ("furnace_exchange_stretch", "beta_x", "1", 0.6, 0.15, "lognormal", "assumed", "stretched exponential in reduced time"),
    ("furnace_conversion", "h_conv", "1", 0.75, 0.40, "lognormal", "tuned", "P25: the furnace turns 1 - exp(-h_conv) of the green phase red at most"),
    # ------------------------------------------------------------------------------------------- electronic structure
    ("gap_Br_eV", "E_g(Br)", "eV", 2.36, 0.010, "normal", "unverified", "room temperature; no source for 2.36 eV was found. 2.34 eV in " + _YANG + _FROM_MEMORY),
    ("gap_I_eV", "E_g(I)", "eV", 1.74, 0.015, "normal", "unverified", "room temperature; no source for 1.74 eV was found. " + _STRAUS + ", so these have 1.72 eV. Crystals held in a glass are nearer to a film than to a free single crystal, and nearer to cubic, so the films' value stays; the spread covers that of films, not the gap of the bulk. Gap and d_I cannot be told apart here: with 1.63 eV the fitted d_I would be smaller, and all fitted rows as they are"),
    ("gap_bowing_eV", "b", "eV", 0.06032977, 0.03, "normal", "fitted", "P15: red bleach at 607 nm at the composition of P21"),
    ("reduced_mass_Br", "mu(Br)", "m0", 0.126, 0.10, "lognormal", "unverified", _YANG + _FROM_MEMORY + "; against " + _YAKOVLEV),
    ("reduced_mass_I", "mu(I)", "m0", 0.114, 0.08, "lognormal", "unverified", _YANG + _FROM_MEMORY),
    ("permittivity_Br", "eps(Br)", "1", 7.3, 0.08, "lognormal", "unverified", _YANG + _FROM_MEMORY + "; taken as 7.3 in Nanomaterials 11, 3054 (2021); against " + _YAKOVLEV),
    ("permittivity_I", "eps(I)", "1", 10.0, 0.08, "lognormal", "unverified", _YANG + _FROM_MEMORY),
    ("stokes_Br_eV", "S(Br)", "eV", 0.02848989, 0.004, "normal", "fitted", "P14, P15: 508 to 514 nm"),
    ("stokes_I_eV", "S(I)", "eV", 0.01243474, 0.004, "normal", "fitted", "P14, P15: 607 to 613 nm"),
    ("homogeneous_fwhm_eV", "w_h", "eV", 0.075, 0.08, "lognormal", "assumed", "homogeneous width at room temperature"),
    ("size_dispersion", "s_d", "1", 0.10, 0.15, "lognormal", "assumed", "relative, emission-weighted"),
    ("iodide_dispersion", "s_x", "1", 0.035, 0.20, "lognormal", "assumed", "of the iodide fraction, at x = 1/2"),
    ("band_asymmetry", "a_b", "1", 1.15, 0.05, "lognormal", "assumed", "low-energy over high-energy half width of an emission band"),
    ("lattice_Br_A", "a(Br)", "A", 5.828239, 0.003, "normal", "fitted", "P19: between 21.6 and 30.6 deg, which no one cubic lattice fits"),
    ("lattice_I_A", "a(I)", "A", 6.173882, 0.006, "normal", "fitted", "P20: 28.9 deg"),
    # ------------------------------------------------------------------------------- halide balance (X/Pb - 3) and yield
    ("balance_Br", "theta_0(Br)", "1", 0.0, 0.004, "normal", "assumed", "as written"),
    ("balance_I", "theta_0(I)", "1", 0.01, 0.003, "normal", "fitted", "P29: I/Pb 3.01"),
    ("balance_mixing", "th_mix", "1", 0.006, 0.30, "lognormal", "tuned", "deficit of the mixed phase as written"),
    ("balance_healing", "th_heal", "1", 0.020, 0.40, "lognormal", "tuned", "P32: gain by further passes"),
    ("balance_low", "theta_lo", "1", -0.0305033, 0.005, "normal", "fitted", "P29: I/Pb 2.97"),
    ("balance_high", "theta_hi", "1", 0.07195179, 0.008, "normal", "fitted", "P29: I/Pb 3.07"),
    ("balance_crossover_I_K", "T*(I)", "K", 775.0, 0.02, "lognormal", "tuned", "P26-P28: near T_g; 450 degC quenched, 550 degC passivated"),
    ("balance_crossover_Br_K", "T*(Br)", "K", 360.0, 0.08, "lognormal", "assumed", "bromide is supplied at 200 degC already"),
    ("balance_enthalpy_eV", "dH", "eV", 4.5, 0.20, "lognormal", "tuned", "apparent; 3.0 eV gives 1589 ns at 450 degC"),
    ("iodide_power", "p_x", "1", 4.0, 0.20, "lognormal", "assumed", "how iodide enters T* and the relaxation rates"),
    ("balance_rate_Br_1_s", "k_theta(Br)", "1/s", 4e-7, 0.50, "lognormal", "tuned", "P23: gradual rise; at 200 degC"),
    ("balance_barrier_Br_eV", "E_theta(Br)", "eV", 0.75, 0.15, "lognormal", "tuned", "P23; free nanowires: 0.44 eV for Cl-Br interdiffusion, Pan 2018, doi:10.1021/acs.nanolett.7b05023"),
    ("balance_rate_I_1_s", "k_theta(I)", "1/s", 6e-3, 0.50, "lognormal", "tuned", "P26: complete after 2 h at 200 degC"),
    ("balance_barrier_I_eV", "E_theta(I)", "eV", 0.90, 0.15, "lognormal", "tuned", "as for bromide"),
    ("balance_stretch", "beta_theta", "1", 0.40, 0.15, "lognormal", "assumed", "stretching exponent of the relaxation"),
    ("vacancy_knee", "theta_c", "1", 0.014, 0.15, "lognormal", "assumed", "halide balance below which vacancies count"),
    ("vacancy_width", "theta_s", "1", 0.008, 0.15, "lognormal", "assumed", "softness of that knee"),
    ("quenching_Br", "c(Br)", "1", 40.0, 0.20, "lognormal", "assumed", "mean number of quenching vacancies per unit of deficit"),
    ("quenching_I", "c(I)", "1", 109.0512, 0.20, "lognormal", "fitted", "P28: PL x 3"),
    ("yield_Br", "QY(Br)", "1", 0.90, 0.05, "lognormal", "assumed", "of a dot without vacancy"),
    ("yield_I", "QY(I)", "1", 0.60, 0.08, "lognormal", "unverified", "a dot without vacancy; 23 % as written is quoted from memory, and was not found in what could be read of " + _SUN),
    ("lifetime_Br_ns", "tau_0(Br)", "ns", 35.67891, 0.10, "lognormal", "fitted", "P16: 28.89 ns"),
    ("lifetime_mixed_ns", "tau_0(mid)", "ns", 50.16131, 0.10, "lognormal", "fitted", "P16: 35.97 ns; at x = 0.52"),
    ("lifetime_I_ns", "tau_0(I)", "ns", 153.0468, 0.10, "lognormal", "fitted", "P26: 153 ns"),
    ("lifetime_quenching", "kappa", "1", 0.3844307, 0.20, "lognormal", "fitted", "P26: 120 ns"),
    ("delayed_yield", "eta_d", "1", 0.005592586, 0.30, "lognormal", "fitted", "P26: 2000 ns; yield of dots with three or more vacancies"),
    ("delayed_lifetime_ns", "tau_d", "ns", 4000.0, 0.15, "lognormal", "tuned", "P26: release from traps"),
    ("furnace_growth", "g_phi", "1", 0.30, 0.30, "lognormal", "assumed", "growth of the crystallised amount in the furnace"),
    ("red_absorption", "r_abs", "1", 1.130166, 0.15, "lognormal", "fitted", "P25: red/green 0.7 at 200 degC (assumed); absorption at 365 nm, red over green"),
    ("screening_vacancies", "n_sc", "1", 0.05, 0.30, "lognormal", "tuned", "P30, P31: vacancies that screen the exciton"),
)
# fmt: on
