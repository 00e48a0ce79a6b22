"""A picture written on the twin, read back and compared, from its records alone; and the command that does all of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from beamline.cli import main
from beamline.experiments import ReadBack, candidates, palette, read_back, write_picture_page
from beamline.instrument import Instrument
from beamline.patterns import Pattern
from beamline.recipe import Coupon, Glass
from beamline.records import RecordError
from beamline.session import open_session
from plans import Experiment, ExperimentRefusedError, NightLabel, write_picture

CELLS = np.array([[1, 2, 3, 0], [3, 3, 1, 2], [2, 1, 0, 3]])
COUPON = Coupon(serial="P1", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
COLOURS = dict(enumerate(palette(candidates(COUPON.glass, pulse_energies_uJ=(160.0, 200.0)), 3), start=1))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> ReadBack:
    folder = tmp_path_factory.mktemp("picture")
    with open_session(
        Instrument(), coupons=[COUPON], data=folder, seed=1, unattended=True, catalog=False, nominal=True
    ) as session:
        on = Experiment(session.bench, session.records, NightLabel("p", "p", {"vitrail": "test"}), COUPON)
        with pytest.raises(ExperimentRefusedError, match="every cell of the picture is blank; nothing has moved"):
            write_picture(on, Pattern.of(0 * CELLS, 0.5), COLOURS)
        assert session.records.runs() == []
        session.RE(write_picture(on, Pattern.of(CELLS, 0.5), COLOURS))
        runs = {run.start["purpose"]: run for run in session.records.runs()}
        with pytest.raises(RecordError, match="no picture with a forecast"):
            read_back(runs["map"], runs["map"])
        return read_back(runs["writing"], runs["map"])


def test_what_was_written_is_read_and_is_as_forecast(found: ReadBack) -> None:
    assert np.array_equal(found.read_as(), CELLS)
    assert np.array_equal(found.read_as(own_thresholds=False), CELLS)
    assert found.site_error() == found.bit_error() == 0.0
    assert found.agreeing >= 0.8
    assert np.nanmax(found.colour_differences) < 0.03


def test_wrong_cells_and_bits_are_counted(found: ReadBack) -> None:
    """Three colours are two bits; from the greenest to the reddest 00, 01, 11."""
    wrong = found.own_share.copy()
    wrong[0, 0], wrong[0, 2] = wrong[0, 2], wrong[0, 0]  # green and red change places: two bits each
    dark = found.own_light.copy()
    dark[1, 0] = 0.0  # two bits
    worse = replace(found, own_share=wrong, own_light=dark)
    assert worse.site_error(own_thresholds=False) == pytest.approx(3 / 12)
    assert worse.bit_error(own_thresholds=False) == pytest.approx(6 / 20)


def test_an_error_that_is_common_to_all_cells_moves_the_own_thresholds_along(found: ReadBack) -> None:
    moved = replace(found, own_share=0.15 + 0.8 * found.own_share)
    assert moved.site_error() == 0.0


def test_the_page_shows_forecast_and_reading(found: ReadBack, tmp_path: Path) -> None:
    document = {
        "what": "<cells>",
        "coupon": "P1",
        "estimated_s": 90.0,
        "is_compensated": True,
        "code_version": "1",
        "read": found.as_json(),
    }
    page = write_picture_page(tmp_path / "page", found, document)
    text = page.read_text()
    assert "&lt;cells&gt;" in text
    assert "data:image/svg+xml;base64," in text
    table = (page.parent / "picture.csv").read_text().splitlines()
    assert len(table) == 1 + np.count_nonzero(CELLS)


def test_the_command_forecasts_writes_reads_and_says(tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    Image.fromarray(np.array([[0, 255, 0], [255, 0, 255]], dtype=np.uint8)).save(image)
    words = ["picture", "--image", str(image), "--columns", "3", "--data", str(tmp_path / "data"), "--json"]
    expected = CliRunner().invoke(main, [*words, "--forecast"])
    assert expected.exit_code == 0, expected.output
    foreseen = json.loads(expected.stdout)
    assert "read" not in foreseen
    assert foreseen["energies_uJ"][0] < foreseen["energies_uJ"][1]
    done = CliRunner().invoke(main, [*words, "--page", str(tmp_path / "page")])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["read"]["site_error"] == 0.0
    assert document["estimated_s"] == foreseen["estimated_s"]
    assert json.loads((tmp_path / "page" / "picture.json").read_text()) == document


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "one of --qr, --text and --image"),
        (["--qr", "a", "--text", "b"], "one of --qr, --text and --image"),
        (["--qr", "a", "--colours", "3"], "a code and letters have two"),
        (["--qr", "a", "--cell-mm", "2"], "would fit"),
        (["--image", "nowhere.png"], "no image that can be read"),
    ],
)
def test_what_cannot_be_a_picture_is_refused(words: list[str], said: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["picture", *words, "--data", str(tmp_path)])
    assert done.exit_code == 2, done.output
    assert said in done.stderr
