"""Campaign files of short nights on the simulated bench: seconds of the wall, recipes by chance."""

from __future__ import annotations


def small_campaign(
    name: str = "small", *, seed: int = 3, n_sites: int = 2, n_coupons: int = 1, is_cool: bool = True, more: str = ""
) -> str:
    """The text of a file.

    Args:
        name: of the campaign.
        seed: of truth, noise and recipes.
        n_sites: on each coupon.
        n_coupons: in the rack, C1 and following, and used at most.
        is_cool: at most 250 degC with a quick ramp: a heat treatment of few steps.
        more: tables that follow.
    """
    cool = "temperature_C = [200, 250]\nramp_C_min = 20.0" if is_cool else ""
    coupons = "\n".join(f'[[coupon]]\nserial = "C{n}"\nglass = "BrI"' for n in range(1, n_coupons + 1))
    return f"""
name = "{name}"
seed = {seed}
optimizer.kind = "random"
sites.per_coupon = {n_sites}
measurement = {{ integration_s = 0.1, n_averages = 2 }}
stop.max_coupons = {n_coupons}
[space]
hold_s = [600, 900]
{cool}
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
{coupons}
{more}
"""
