"""`vitrail coupons`: what the records say of each coupon and site, as a table, as a map, as JSON; and marks by a person."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from beamline.cli.options import (
    FOLDER,
    as_json_option,
    data_option,
    must_be_there_if_named,
    records_option,
    refuse,
    tell,
    writing,
)

if TYPE_CHECKING:
    from beamline.recipe import Coupon
    from beamline.records import CouponRecord, KeepOut, Ledger, Records, Run, World

__all__ = ["coupons"]

_coupon = click.option("--coupon", "serials", multiple=True, metavar="SERIAL", help="Only this one; may be repeated.")


@click.group(invoke_without_command=True)
@data_option
@click.option("--campaign", metavar="NAME|UID", help="Only what this campaign did.")
@_coupon
@click.option("--draw", is_flag=True, help="A map of each coupon in the terminal; axes in mm.")
@click.option("--out", type=FOLDER, help="With --draw: a file SERIAL.png in this folder too.")
@click.option("--svg", is_flag=True, help="With --out: SVG, not PNG.")
@as_json_option
@click.pass_context
def coupons(
    ctx: click.Context,
    *,
    data: Path,
    campaign: str | None,
    serials: tuple[str, ...],
    draw: bool,
    out: Path | None,
    svg: bool,
    as_json: bool,
) -> None:
    """List the coupons of the records: glass, heat history, and how many sites are in which state.

    A simulated bench makes its coupons anew each night: the same serial in two of its nights is two coupons.
    """
    if ctx.invoked_subcommand is not None:  # which has its own --data
        return
    must_be_there_if_named(ctx, data)
    if out is not None and not draw:
        refuse("--out is where --draw puts its files: give both")
    if svg and out is None:
        refuse("--svg is the form of the files in --out: give both")
    found = _find(data, campaign, serials)
    if as_json:
        click.echo(json.dumps([_plain(each) for each in found], indent=2))
        return
    if not found:
        click.echo(f"no coupon in {data}; `vitrail campaign run FILE` writes some")
    last = None
    n_worlds = len({each.world.campaign_uid for each in found})
    for each in found:
        if n_worlds > 1 and each.world is not last:
            click.echo(f"-- {each.world}")
        last = each.world
        _say(each.coupon, each.keep_out)
        if draw:
            prefix = f"{each.world.campaign_uid[:8]}-" if n_worlds > 1 and not each.world.is_real else ""
            _draw(each, out, f"{prefix}{each.coupon.serial}.{'svg' if svg else 'png'}")


def _find(data: Path, campaign: str | None, serials: tuple[str, ...]) -> list[_Found]:
    """The coupons that are asked for, or all."""
    from beamline.records import Records

    found = [
        _Found(world, coupon, keep_out)
        for world, ledger, keep_out in _ledgers(Records(data), campaign)
        for coupon in ledger.coupons()
        if not serials or coupon.serial in serials
    ]
    if missing := set(serials) - {each.coupon.serial for each in found}:
        refuse(f"the records in {data} do not know {', '.join(sorted(missing))}")
    return found


@dataclass(frozen=True)
class _Found:
    """A coupon, the world that it is in, and the distances that are kept there."""

    world: World
    coupon: CouponRecord
    keep_out: KeepOut | None


def _ledgers(records: Records, campaign: str | None) -> Iterator[tuple[World, Ledger, KeepOut | None]]:
    """A ledger for each world, or for that of a campaign, of what this campaign did.

    With it the spacing and margin of the campaign, or of the newest of the world.
    """
    from beamline.campaign.history import find_campaign
    from beamline.records import Ledger, worlds

    uid = None
    if campaign:
        try:
            uid = find_campaign(records, campaign)
        except LookupError as error:
            refuse(str(error.args[0]))
    for world in worlds(records.runs()):
        runs = world.runs
        if uid is not None:
            if not any(_campaign(run) == uid for run in runs):
                continue
            runs = tuple(run for run in runs if run.start.get("purpose") == "mark" or _campaign(run) == uid)
        yield world, Ledger.of(runs), _keep_out(records, runs)


def _keep_out(records: Records, runs: Sequence[Run]) -> KeepOut | None:
    """What the newest campaign among runs keeps free."""
    from beamline.decisions import campaign_of
    from beamline.records import KeepOut

    campaigns = [run for run in runs if run.start.get("purpose") == "campaign"]
    if not campaigns:
        return None
    grid = campaign_of(records, _campaign(campaigns[-1]))[0].sites
    return KeepOut(grid.spacing_mm, grid.margin_mm)


def _campaign(run: Run) -> str:
    return str((run.start.get("campaign") or {}).get("uid", ""))


def _say(coupon: CouponRecord, keep_out: KeepOut | None) -> None:
    from beamline.records import SiteState, crowding
    from beamline.report.words import heat_words

    counts = Counter(site.state for site in coupon.sites.values())
    states = ", ".join(f"{counts[state]} {state}" for state in SiteState if counts[state]) or "no site"
    glass = coupon.glass.name if coupon.glass else "?"
    click.echo(f"{coupon.serial:<10} {glass:<8} {heat_words(coupon.heat_treatments):<34} {states}")
    if coupon.damage:
        click.echo(f"{'':<10} DAMAGED: {coupon.damage}")
    for site in coupon.sites.values():
        if site.reason:
            click.echo(f"{'':<10} {site.name} {site.state}: {site.reason}")
    for line in crowding(coupon, keep_out) if keep_out else ():
        click.echo(f"{'':<10} {line}")


def _draw(found: _Found, out: Path | None, name: str) -> None:
    from beamline.cli.coupon_map import text_map

    click.echo(text_map(found.coupon, found.keep_out))
    if out is not None:
        from beamline.report.coupon_map import draw_coupon

        with writing("--out", out):
            out.mkdir(parents=True, exist_ok=True)
            drawn = draw_coupon(found.coupon, found.keep_out, out / name)
        click.echo(drawn)


def _plain(found: _Found) -> dict[str, Any]:
    from beamline.recipe import as_plain
    from beamline.records import crowding

    world, coupon, keep_out = found.world, found.coupon, found.keep_out
    return {
        "world": {"campaign_uid": world.campaign_uid or None, "name": world.name, "seed": world.seed},
        "serial": coupon.serial,
        "glass": as_plain(coupon.glass) if coupon.glass else None,
        "width_mm": coupon.width_mm,
        "height_mm": coupon.height_mm,
        "damage": coupon.damage,
        "heat_treatments": [as_plain(treatment) for treatment in coupon.heat_treatments],
        "crowding": crowding(coupon, keep_out) if keep_out else [],
        "sites": {
            name: {
                "state": site.state.value,
                "reason": site.reason,
                "x_mm": site.site.x_mm if site.site else None,
                "y_mm": site.site.y_mm if site.site else None,
                "recipe": as_plain(site.recipe) if site.recipe else None,
                "n_exposures": site.n_exposures,
                "n_spectra": site.n_spectra,
                "runs": list(site.runs),
            }
            for name, site in coupon.sites.items()
        },
    }


@coupons.command()
@click.argument("serial")
@click.argument("condition", type=click.Choice(["suspect", "damaged"]))
@click.option("--reason", required=True, help="What was seen.")
@click.option("--site", "sites", multiple=True, metavar="NAME", help="Only this site; may be repeated.")
@records_option
@as_json_option
def mark(*, serial: str, condition: Any, reason: str, sites: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Record that coupon SERIAL, or some of its sites, are damaged or suspect; damage is final."""
    from beamline.records import RecordError, Records
    from beamline.records import mark as record

    try:
        uid = record(data, _coupon_of(Records(data), serial), condition, reason, sites=sites)
    except RecordError as error:
        refuse(str(error))
    text = f"{serial}{' ' + ', '.join(sites) if sites else ''} is {condition}: run {uid}"
    tell({"coupon": serial, "sites": list(sites), "condition": condition, "run": uid}, text, as_json=as_json)


def _coupon_of(records: Records, serial: str) -> Coupon:
    """The coupon as the newest run, or the newest campaign file, describes it."""
    from beamline.decisions import campaign_of
    from beamline.recipe import Coupon

    if runs := records.runs(coupon=serial):
        return Coupon.model_validate_json(json.dumps(runs[-1].start["coupon"]))
    campaigns = [
        campaign_of(records, run.start["campaign"]["uid"])[0] for run in reversed(records.runs(purpose="campaign"))
    ]
    found = next((coupon for one in campaigns for coupon in one.coupons if coupon.serial == serial), None)
    if found is None:
        refuse(f"no run and no campaign in {records.folder} speaks of coupon {serial}")
    return found
