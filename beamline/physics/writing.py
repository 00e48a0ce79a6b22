"""Writing: what passes of the laser leave in the glass, one after the other. Field -> doses -> crystals -> the state."""

from __future__ import annotations

from typing import NamedTuple

from beamline.physics.conduction import field, ripple
from beamline.physics.constants import ROOM_TEMPERATURE_K
from beamline.physics.crystals import integrate
from beamline.physics.doses import Work, add_up
from beamline.physics.exchange import birth_iodide_fraction
from beamline.physics.jit import compiled
from beamline.physics.laser import Source, absorb
from beamline.physics.nucleation import Nose
from beamline.physics.passes import free, remember
from beamline.physics.records import N_MODES, Record

__all__ = ["rewrite_site", "write_site"]


@compiled
def _forget(state: Record, iodide_fraction: float, p: Record) -> None:
    """Makes a state that of unwritten glass without history."""
    state.iodide_fraction = iodide_fraction
    state.n_passes = 0.0
    free(state)
    state.crystal_amount = 0.0
    state.peak_share = 0.0
    state.red_share = 0.0
    state.red_iodide_fraction = birth_iodide_fraction(iodide_fraction, p)
    state.nucleation_dose = 0.0
    state.size_um = 0.0
    state.void_share = 0.0
    state.absorbed_power_W = 0.0
    state.peak_temperature_K = ROOM_TEMPERATURE_K
    state.valley_temperature_K = ROOM_TEMPERATURE_K
    state.mean_temperature_K = ROOM_TEMPERATURE_K
    _size_dots(state, p)
    state.exchange_time = 0.0
    state.coarsening_time = 0.0
    state.devitrification_dose = 0.0
    fresh = _fresh(state, p)
    for mode in range(N_MODES):
        state.green_balance[mode] = fresh.green
        state.red_balance[mode] = fresh.red
        state.green_supplied[mode] = 0.0
        state.red_supplied[mode] = 0.0


@compiled
def _size_dots(state: Record, p: Record) -> None:
    y = state.iodide_fraction
    growth = max(state.nucleation_dose, 1e-3) ** p.size_exponent
    state.green_diameter_nm = p.green_diameter_nm * growth
    rich = max(0.0, 2.0 * y - 1.0)
    state.red_diameter_nm = (p.red_diameter_nm + (p.iodide_diameter_nm - p.red_diameter_nm) * rich) * growth


class _Fresh(NamedTuple):
    """Halide balance of the two phases as the laser leaves them."""

    green: float
    red: float


@compiled
def _fresh(state: Record, p: Record) -> _Fresh:
    """Further passes heal."""
    x = state.red_iodide_fraction
    healed = p.balance_healing * (1.0 - 1.0 / max(state.n_passes, 1.0))
    red = p.balance_Br + (p.balance_I - p.balance_Br) * x - p.balance_mixing * 4.0 * x * (1.0 - x)
    return _Fresh(p.balance_Br + healed, red + healed)


@compiled
def _expose(setting: Record, p: Record, state: Record, source: Source, n: float) -> None:
    """Notes n equal passes, and how hot they were."""
    around = field(setting, p, source)
    remember(
        state, around, n * (p.line_equivalence / (setting.speed_mm_s * 1e3) if setting.is_line else setting.exposure_s)
    )
    hottest = ripple(setting, p, source, around)
    if state.n_passes == 0.0:
        state.absorbed_power_W = source.power_W
    if hottest.peak_K > state.peak_temperature_K or state.n_passes == 0.0:
        state.peak_temperature_K = hottest.peak_K
        state.valley_temperature_K = hottest.valley_K
        state.mean_temperature_K = hottest.mean_K
    state.n_passes += n


@compiled
def rewrite_site(setting: Record, p: Record, curve: Nose, state: Record, work: Work) -> None:
    """Passes of one setting over whatever is there; below the threshold of absorption they do nothing.

    Doses add up, also with other settings and across an anneal; voids are those of the hottest pass. What an anneal has done
    stays with the crystals that went through it: its reduced times, and how far it took the balances from where the laser
    had left them, count by their share in the crystals that there are now.

    Args:
        setting: of `setting_dtype`.
        p: of `parameter_dtype`.
        curve: nucleation curve of `p`.
        state: of `state_dtype`, in the glass of the setting; changed in place.
        work: memory.
    """
    first = absorb(setting, p, 1.0)
    if first.power_W <= 0.0:
        return
    before = _fresh(state, p)
    sound = 1.0 - state.void_share
    amount_before = state.crystal_amount / sound if sound > 0.0 else 0.0

    further = setting.n_passes * 1.0
    if state.n_passes == 0.0:
        alike = further if p.rewrite_absorption_gain == 1.0 else 1.0
        _expose(setting, p, state, first, alike)
        further -= alike
    if further > 0.0:
        _expose(setting, p, state, absorb(setting, p, p.rewrite_absorption_gain), further)

    laid = add_up(setting, p, curve, state, work)
    crystals = integrate(state.iodide_fraction, p, laid, work)
    sound = 1.0 / (1.0 + (state.peak_temperature_K / p.damage_temperature_K) ** p.damage_steepness)
    state.void_share = 1.0 - sound
    state.crystal_amount = crystals.amount * sound
    state.peak_share = crystals.peak
    state.size_um = 2.0 * crystals.radius_um
    state.nucleation_dose = 0.0
    state.red_share = 0.0
    state.red_iodide_fraction = birth_iodide_fraction(state.iodide_fraction, p)
    if crystals.amount > 0.0:
        state.nucleation_dose = crystals.dose / crystals.amount
        state.red_share = crystals.red / (crystals.red + crystals.green)  # exactly 0 and 1 in the pure glasses
    if crystals.red > 0.0:
        state.red_iodide_fraction = crystals.red_iodide / crystals.red
    _size_dots(state, p)
    _carry_over(state, before, _fresh(state, p), amount_before / crystals.amount if crystals.amount > 0.0 else 0.0)


@compiled
def _carry_over(state: Record, before: _Fresh, now: _Fresh, share: float) -> None:
    """What the furnace had done, where the crystals that it was done to are still some `share` of all."""
    kept = min(share, 1.0)
    state.exchange_time *= kept
    state.coarsening_time *= kept
    for mode in range(N_MODES):
        state.green_balance[mode] = now.green + kept * (state.green_balance[mode] - before.green)
        state.red_balance[mode] = now.red + kept * (state.red_balance[mode] - before.red)
        state.green_supplied[mode] *= kept
        state.red_supplied[mode] *= kept


@compiled
def write_site(setting: Record, p: Record, curve: Nose, state: Record, work: Work) -> None:
    """Writes one setting into untouched glass; `state` is overwritten, and `work` used, as by `rewrite_site`."""
    _forget(state, setting.iodide_fraction, p)
    rewrite_site(setting, p, curve, state, work)
