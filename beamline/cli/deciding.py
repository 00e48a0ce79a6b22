"""`vitrail campaign decide`: what a night asks about its next coupon, and the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from beamline.cli.options import FAILED, as_json_option, records_option, refuse

__all__ = ["decide"]


@click.command()
@click.argument("name", required=False)
@click.option("--approve", "verdict", flag_value="approve", help="Make it as suggested.")
@click.option(
    "--edit", "changes", multiple=True, metavar="KEY=VALUE", help="Make it with this change; may be repeated."
)
@click.option("--reject", "why", metavar="WHY", help="Do not make it, and say why: the optimiser suggests another.")
@click.option(
    "--site", "sites", multiple=True, metavar="SITE", help="With --reject: only this site's writing; repeatable."
)
@click.option("--note", default="", help="With --approve or --edit: kept with the decision in the records.")
@click.option(
    "--question", "number", metavar="NUMBER", help="Only if this is what is asked, by the number that is shown."
)
@records_option
@as_json_option
def decide(
    *,
    name: str | None,
    verdict: str | None,
    changes: tuple[str, ...],
    why: str | None,
    sites: tuple[str, ...],
    note: str,
    number: str | None,
    data: Path,
    as_json: bool,
) -> None:
    """Show what the night of campaign NAME (without it the newest) asks about its next coupon, or answer it.

    KEY is temperature_C, hold_s, SITE.pulse_energy_uJ (or speed_mm_s, exposure_s, n_passes), *.pulse_energy_uJ for all
    sites; SITE=out leaves a site out. Exit code 0: shown, or the answer was taken; 1: no night waits for one; 2: it cannot be
    done, or somebody was first.
    """
    from beamline.audit import current_user
    from beamline.campaign.answering import give
    from beamline.campaign.history import find_campaign
    from beamline.campaign.question import AnswerError, open_question
    from beamline.cli.suggestions import question_text
    from beamline.optimize.edits import EditError, changes_of
    from beamline.recipe import as_plain
    from beamline.records import Records

    given = [
        word for word, is_given in (("approve", verdict), ("edit", changes), ("reject", why is not None)) if is_given
    ]
    if len(given) > 1:
        refuse(f"--{' and --'.join(given)}: one of them; an edit is made with its changes, and needs no --approve")
    try:
        uid = find_campaign(Records(data), name)
    except LookupError as error:
        refuse(str(error.args[0]))
    question = open_question(data, uid)
    if question is None:
        text = f"campaign {uid[:8]} does not wait for a decision; `vitrail campaign status {uid[:8]}` says what it does"
        click.echo(json.dumps({"question": None}) if as_json and not given else text, err=not (as_json and not given))
        raise SystemExit(FAILED)
    if number is not None and not question.number.startswith(number):
        refuse(f"--question {number}: now question {question.number[:8]} is asked; look at it, and decide again")
    if not given:
        click.echo(json.dumps({"question": as_plain(question)}, indent=2) if as_json else question_text(question))
        if not as_json:
            first = question.suggestion.sites[0].site.name
            changes = ("temperature_C=...", f"{first}.pulse_energy_uJ=...", f"{first}=out")
            edits = " ".join(f"--edit {change}" for change in changes)
            click.echo(f"vitrail campaign decide --approve | {edits} | --reject WHY")
        return
    try:
        wanted = changes_of(changes) if changes else None
        about: dict[str, Any] = {"changes": wanted, "sites": sites, "note": note if why is None else why}
        answer = give(data, question, given[0], by=current_user(), interface="command", **about)  # type: ignore[arg-type]  # one of three
    except (AnswerError, EditError) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{data}: cannot be written: {error.strerror}")
    words = {"approve": "approved", "edit": "edited, and made so", "reject": "rejected; another is suggested"}[given[0]]
    serial = question.suggestion.coupon.serial
    click.echo(
        json.dumps(as_plain(answer), indent=2) if as_json else f"{uid[:8]}: {serial} {words} (by {answer.decision.by})"
    )
