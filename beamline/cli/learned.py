"""`vitrail campaign learned`: what a campaign has taught, and the posterior as the prior of the next one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from beamline.cli.options import FILE, FOLDER, as_json_option, records_option, refuse, writing

if TYPE_CHECKING:
    from beamline.optimize.learned import ConfoundedNumbers, Learned, LearnedNumber
    from beamline.optimize.protocol import ObservableCheck
    from beamline.recipe import Writing

__all__ = ["learned"]

SHOWN = 12
"""Numbers that are listed; `--json` has all."""
HARDLY = 0.95
"""Share of a sigma that is left where a coupon tells hardly anything."""


@click.command()
@click.argument("name", required=False)
@click.option(
    "--prior-out",
    type=FILE,
    help="Write what was learnt as a parameter file: the prior of a next campaign (`optimizer.parameters`).",
)
@click.option(
    "--forgetting",
    type=click.FloatRange(0.0, 1.0),
    default=0.05,
    show_default=True,
    help="Share of its prior variance by which every parameter is uncertain anew in that file; 1 forgets everything.",
)
@click.option(
    "--figure",
    type=FOLDER,
    help="Folder for learned.png, .svg, and .csv: prior and posterior of every number.",
)
@records_option
@as_json_option
def learned(
    *, name: str | None, prior_out: Path | None, forgetting: float, figure: Path | None, data: Path, as_json: bool
) -> None:
    """Say what campaign NAME (a name, or the beginning of a uid; without it the newest) has taught, from the records alone.

    Which numbers of the physics are known now, which only together with others, which coupon would tell these apart, and
    how far the predictions can be trusted. Whatever optimiser the campaign had, its outcomes are judged by the physics.
    """
    from beamline.campaign.history import find_campaign, first_run
    from beamline.decisions import campaign_of, taught
    from beamline.optimize.learned import what_was_learned
    from beamline.records import Records

    records = Records(data)
    try:
        uid = find_campaign(records, name)
    except LookupError as error:
        refuse(str(error.args[0]))
    if first_run(records, uid).start["purpose"] == "import":
        refuse(f"{uid[:8]} holds manual runs, and no objective to learn for; go on from it with `campaign run --after`")
    campaign, _ = campaign_of(records, uid)
    agent, learned_from = taught(records, uid)
    found = what_was_learned(agent, campaign.coupons)
    if not found.foreseen:
        refuse(f"campaign {campaign.name} {uid[:8]} has measured nothing that could be learnt from")
    written: dict[str, str] = {}
    if prior_out is not None:
        from beamline.optimize.knowledge import Knowledge
        from beamline.optimize.transfer import as_prior, prior_text

        prior = as_prior(Knowledge.of(agent.belief().posterior), learned_from=learned_from, forgetting=forgetting)
        text = prior_text(prior, f"campaign {campaign.name} {uid}, {found.n_coupons} coupons, {forgetting=:g}")
        with writing("--prior-out", prior_out):
            prior_out.write_text(text, encoding="utf-8")
        written["prior"] = str(prior_out)
    if figure is not None:
        with writing("--figure", figure):
            written["figure"] = str(_figure(found, campaign.name, uid, figure))
    if as_json:
        told = {"campaign": uid, "name": campaign.name, **json.loads(found.to_json()), "files": written}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo("\n".join(_lines(found, f"campaign {campaign.name} {uid[:8]}")))
    for what, path in written.items():
        click.echo(f"{what}: {path}")


def _figure(found: Learned, name: str, uid: str, folder: Path) -> Path:
    from beamline.report.figures.learned import draw_learned
    from beamline.report.style import styled, write_drawing
    from beamline.versions import versions

    folder.mkdir(parents=True, exist_ok=True)
    with styled():
        write_drawing(draw_learned(found, f"campaign {name} {uid[:8]}", versions()["vitrail"]), folder)
    return folder / "learned.png"


def _lines(found: Learned, title: str) -> Iterator[str]:
    by_standing = {kind: [n for n in found.numbers if n.standing == kind] for kind in ("known", "confounded", "unseen")}
    known, hidden, unseen = by_standing.values()
    yield (
        f"{title}: {found.n_coupons} coupons, {found.n_observations} outcomes; of {len(found.numbers)} uncertain numbers "
        f"{len(known)} are known, {len(hidden)} only together with others, of {len(unseen)} the data say little"
    )
    yield "known by themselves, 68 % before -> after:"
    yield from (f"  {_number(one)}" for one in known[:SHOWN])
    yield "known only together with others:"
    yield from (f"  {_number(one)}" for one in hidden[:SHOWN])
    if found.confounded:
        yield "what cannot be told apart, and the coupon that would tell most:"
    for i, one in enumerate(found.confounded, 1):
        yield f"  {i}. {one.words}"
        yield f"     {_next(one)}"
    yield "predictions against measurements (honest sigmas: rms z 1, 68 % within 1 sd, 95 % within 2 sd):"
    for kind, checks in (("coupons foreseen from those before", found.foreseen), ("held out", found.held_out)):
        yield from (f"  {kind}: {_check(one)}" for one in checks)


def _number(one: LearnedNumber) -> str:
    unit = "" if one.unit == "1" else f" {one.unit}"
    before, after = (f"{low:.4g} .. {high:.4g}" for low, _, high in (one.prior, one.posterior))
    return f"{one.name:<28} {before:>22} -> {after}{unit} (±{one.z_sd:.2f} prior sigmas)"


def _next(one: ConfoundedNumbers) -> str:
    coupon = one.next_coupon
    if coupon is None:
        return "no coupon to say what would tell them apart"
    left = coupon.sd_after / coupon.sd_before
    heat = coupon.heat_treatment
    sites = ", ".join(_writing(writing) for writing in coupon.writings)
    what = f"glass {coupon.glass.name}, {heat.temperature_C:g} degC for {heat.hold_s / 60:.0f} min, {sites}"
    if left > HARDLY:
        return (
            f"nothing in the space of the campaign tells them apart (the best, {what}, leaves {left:.0%} of the sigma)"
        )
    return f"{what}: leaves {left:.0%} of the sigma"


def _writing(writing: Writing) -> str:
    passes = "" if writing.n_passes == 1 else f" x {writing.n_passes}"
    pace = f"{writing.speed_mm_s:g} mm/s" if writing.mode == "line" else f"{writing.exposure_s:g} s"
    return f"{writing.pulse_energy_uJ:g} uJ {pace}{passes}"


def _check(one: ObservableCheck) -> str:
    return (
        f"{one.observable:<14} n {one.n:4d}  rms z {one.z_rms:.2f}  mean z {one.z_mean:+.2f}  "
        f"within 1 sd {one.share_within_1_sd:.0%}, 2 sd {one.share_within_2_sd:.0%}"
    )
