"""`vitrail picture`: a picture in colours that are meant: forecast, written, read back, compared."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from beamline.cli.options import FAILED, FILE, FOLDER, as_json_option, data_option, instrument_option, prior_of, refuse

if TYPE_CHECKING:
    from beamline.experiments import Colour
    from beamline.instrument import Instrument
    from beamline.patterns import Pattern
    from beamline.physics import Prior
    from beamline.recipe import Coupon
    from beamline.session import Session
    from plans import Experiment

__all__ = ["picture"]

N_DRAWS = 32
INTERRUPTED = 130
ENERGIES_uJ = (160.0, 200.0)
"""At which lines are looked for; the speed does the rest."""


@click.command()
@click.option("--qr", help="Text of a QR code.")
@click.option("--text", help="A line of letters.")
@click.option("--image", type=FILE, help="An image, or a drawing (.svg).")
@click.option(
    "--colours", type=click.IntRange(2, 16), default=2, show_default=True, help="How many, from green to red."
)
@click.option("--cell-mm", type=click.FloatRange(0.1, 10.0), default=0.5, show_default=True, help="Side of a cell.")
@click.option(
    "--columns", type=click.IntRange(1, 400), default=24, show_default=True, help="Cells along x of an image."
)
@click.option(
    "--campaign",
    "campaign_file",
    type=click.Path(path_type=Path),
    envvar="VITRAIL_CAMPAIGN",
    help="A campaign file with the coupon; without it, a new one of the mixed glass.",
)
@click.option("--coupon", "serial", help="Its serial; without it, the first of the campaign file.")
@click.option(
    "--prior",
    "prior_file",
    type=FILE,
    help="What is known of the glass: a parameter file, or what `campaign learned --prior-out` wrote.",
)
@click.option("--plain", is_flag=True, help="Leave the energies as the recipes say, whatever the neighbours do.")
@click.option("--forecast", "only_forecast", is_flag=True, help="Forecast it, and move nothing.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Of the simulated bench.")
@click.option(
    "--page",
    type=FOLDER,
    help="Folder for forecast and reading as HTML and JSON, with a figure (PNG, SVG, CSV).",
)
@instrument_option()
@data_option
@as_json_option
def picture(
    *,
    qr: str | None,
    text: str | None,
    image: Path | None,
    colours: int,
    cell_mm: float,
    columns: int,
    campaign_file: Path | None,
    serial: str | None,
    prior_file: Path | None,
    plain: bool,
    only_forecast: bool,
    seed: int,
    page: Path | None,
    instrument_file: Path | None,
    data: Path,
    as_json: bool,
) -> None:
    """Write a picture in colours that are meant, and read it back.

    One of --qr, --text, --image says what. The recipe of each colour is chosen from the model, or from what a campaign has
    taught (--prior). The energy of each line makes up for the heat of its neighbours, and the reading, a map of one point a
    cell, for their light; both are in the forecast with which it is compared. Exit code 1: of the cells, more than 1 % are
    read as another colour.
    """
    from beamline.audit import note_action
    from beamline.experiments import candidates, palette, read_back
    from beamline.patterns import PatternError
    from beamline.versions import code_version, versions
    from plans import Experiment, NightLabel, foreseen_picture, write_picture

    what = next(
        (words for words in (qr and f"QR code {qr!r}", text and f"text {text!r}", image and str(image)) if words), ""
    )
    instrument, coupon, prior = _asked(instrument_file, campaign_file, serial, prior_file)
    try:
        pattern = _pattern(qr, text, image, colours=colours, cell_mm=cell_mm, columns=columns)
        parameters = prior.nominal()
        chosen = palette(candidates(coupon.glass, pulse_energies_uJ=ENERGIES_uJ, parameters=parameters), colours)
    except PatternError as error:
        refuse(str(error))
    import numpy as np

    about: dict[str, Any] = {
        "parameters": parameters,
        "draws": prior.draw(np.random.default_rng(seed), N_DRAWS),
        "is_compensated": not plain,
        "margin_mm": 0.5,
    }
    by_number = dict(enumerate(chosen, start=1))
    with _opened(instrument, coupon, data, seed) as session:
        label = NightLabel("picture", str(uuid.uuid4()), versions())
        on = Experiment(session.bench, session.records, label, coupon, is_own_past=instrument.kind == "twin")
        hand, foreseen = foreseen_picture(on, pattern, by_number, **about)
        document: dict[str, Any] = {
            "what": what,
            "code_version": code_version(),
            "coupon": coupon.serial,
            "is_compensated": not plain,
            "recipes": {str(n): _recipe(one) for n, one in by_number.items()},
            "warmest_K": max(foreseen.rise_K.values()),
            "energies_uJ": [min(foreseen.energies_uJ.values()), max(foreseen.energies_uJ.values())],
            "estimated_s": float(hand.experiment["estimated_s"]) + _reading_s(on, pattern),
        }
        if not as_json:
            click.echo("\n".join(_forecast_lines(document)))
        if not only_forecast:
            note_action(data, "command", "picture", what=what, coupon=coupon.serial)
            session.RE(write_picture(on, pattern, by_number, **about))
            runs = {run.start["purpose"]: run for run in session.records.runs(campaign=label.campaign_uid)}
            found = read_back(runs["writing"], runs["map"])
            document["read"] = found.as_json()
            if page is not None:
                from beamline.experiments import write_picture_page

                click.echo(f"page: {write_picture_page(page, found, document)}", err=True)
    if as_json:
        click.echo(json.dumps(document, indent=2))
    elif "read" in document:
        click.echo("\n".join(_read_lines(document["read"])))
    if "read" in document and document["read"]["site_error"] > 0.01:
        raise SystemExit(FAILED)


def _pattern(
    qr: str | None, text: str | None, image: Path | None, *, colours: int, cell_mm: float, columns: int
) -> Pattern:
    from beamline.patterns import image_pattern, qr_pattern, text_pattern

    if sum(one is not None for one in (qr, text, image)) != 1:
        refuse("one of --qr, --text and --image says what is to be written")
    if image is not None:
        return image_pattern(image, cell_mm=cell_mm, columns=columns, n_colours=colours)
    if colours != 2:
        refuse(f"--colours {colours}: a code and letters have two; --image has up to 16")
    if qr is not None:
        return qr_pattern(qr, cell_mm=cell_mm, dark=1, light=2)
    return text_pattern(text or "", cell_mm=cell_mm, colour=2, background=1)


def _asked(
    instrument_file: Path | None, campaign_file: Path | None, serial: str | None, prior_file: Path | None
) -> tuple[Instrument, Coupon, Prior]:
    """Instrument, coupon and prior, or the end of the command."""
    from beamline.campaign import load_campaign
    from beamline.instrument import Instrument, load_instrument
    from beamline.problems import BadFileError
    from beamline.recipe import Coupon, Glass

    try:
        instrument = load_instrument(instrument_file) if instrument_file is not None else Instrument()
        coupons = list(load_campaign(campaign_file).coupons) if campaign_file is not None else []
    except BadFileError as error:
        refuse(str(error))
    if campaign_file is None:
        if instrument.kind != "twin":
            refuse("--campaign: at a bench a campaign file has to say which coupon lies in the rack, and of what glass")
        coupons = [Coupon(serial=serial or "picture", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))]
    coupon = next((one for one in coupons if serial is None or one.serial == serial), None)
    if coupon is None:
        refuse(f"--coupon {serial}: {campaign_file} has {', '.join(one.serial for one in coupons)}")
    return instrument, coupon, prior_of(prior_file)


@contextmanager
def _opened(instrument: Instrument, coupon: Coupon, data: Path, seed: int) -> Iterator[Session]:
    """A session; what it or its plan ends with is said in words."""
    from bluesky.utils import RunEngineInterrupted

    from beamline.hardware import InstrumentConnectError
    from beamline.records import RecordError
    from beamline.session import SessionBusyError, open_session
    from beamline.watchdog import WatchdogError
    from devices.errors import DeviceError
    from plans import ExperimentRefusedError

    try:
        with open_session(
            instrument, coupons=[coupon], data=data, seed=seed, unattended=True, catalog=False
        ) as session:
            yield session
    except (ExperimentRefusedError, SessionBusyError, RecordError, InstrumentConnectError, WatchdogError) as error:
        refuse(str(error))
    except DeviceError as error:
        _ended(FAILED, f"{error}; the bench is safe, and what was written is in the records")
    except RunEngineInterrupted:
        _ended(INTERRUPTED, "stopped; the bench is safe, and what was written is in the records")
    except OSError as error:
        refuse(f"--data {data}: cannot be used: {error.strerror}; give a folder that you may write to")


def _ended(code: int, message: str) -> NoReturn:
    click.echo(message, err=True)
    raise SystemExit(code)


def _reading_s(on: Experiment, pattern: Pattern) -> float:
    """Of a map of one point a cell, as `pl_map` estimates it with its own measurement."""
    from beamline.recipe import Measurement

    quick = Measurement(integration_s=0.05, n_averages=1)
    a_point_s = quick.integration_s + on.times.readout_s + on.times.settle_s + pattern.cell_mm / on.times.travel_mm_s
    return int(pattern.cells.size) * a_point_s


def _recipe(one: Colour) -> dict[str, float]:
    return {
        "pulse_energy_uJ": one.line.pulse_energy_uJ,
        "speed_mm_s": one.line.speed_mm_s,
        "red_share": one.red_share,
        "red_share_sd": one.red_share_sd,
    }


def _forecast_lines(document: dict[str, Any]) -> Iterator[str]:
    for number, one in document["recipes"].items():
        yield (
            f"colour {number}: {one['pulse_energy_uJ']:g} uJ, {one['speed_mm_s']:.3g} mm/s: "
            f"{100 * one['red_share']:.0f} ± {100 * one['red_share_sd']:.0f} % red"
        )
    low, high = document["energies_uJ"]
    yield (
        f"lines find their places up to {document['warmest_K']:.0f} K warm and are written with {low:.1f} to {high:.1f} uJ; "
        f"writing and reading take {document['estimated_s'] / 60:.0f} min"
    )


def _read_lines(read: dict[str, Any]) -> Iterator[str]:
    yield (
        f"read: {100 * read['within_two_sigma']:.1f} % of the cells within two sigma of their forecast; red share "
        f"{read['red_share_less_forecast_mean']:+.3f} ± {read['red_share_less_forecast_sd']:.3f} from it"
    )
    yield (
        f"wrong: {100 * read['site_error']:.2f} % of the cells, {100 * read['bit_error']:.2f} % of the bits "
        f"({100 * read['site_error_by_thresholds_of_the_forecast']:.2f} and "
        f"{100 * read['bit_error_by_thresholds_of_the_forecast']:.2f} % by the thresholds of the forecast)"
    )
    if read["colour_difference_median"] is not None:
        yield (
            f"difference of colour (u', v'): median {read['colour_difference_median']:.4f}, "
            f"95 % below {read['colour_difference_95']:.4f}; expected, root mean square, "
            f"{read['colour_difference_expected']:.4f}"
        )
