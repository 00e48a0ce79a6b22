"""Pictures of sites and of a coupon: what they show, what is refused before anything moves, how they come out as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from beamline.campaign import Campaign
from beamline.experiments import Photograph, overviews_of, photographs_of, write_pictures
from beamline.recipe import Measurement
from beamline.records import RecordError
from beamline.session import Session
from plans import (
    DAYLIGHT,
    THROUGH_645,
    ULTRAVIOLET,
    Experiment,
    ExperimentRefusedError,
    NightLabel,
    Shot,
    image_coupon,
    image_sites,
    line_series,
    rewrite,
)

QUICK = Measurement(integration_s=0.1, n_averages=1)
LIGHTS = (DAYLIGHT, ULTRAVIOLET, THROUGH_645)


@pytest.fixture
def experiment(session: Session, campaign: Campaign) -> Experiment:
    label = NightLabel("test", "00000000-0000-4000-8000-000000000001", {"vitrail": "test"})
    return Experiment(session.bench, session.records, label, campaign.coupons[0])


def at(seen: Photograph, x_mm: float, y_mm: float) -> np.ndarray:
    """Mean rates of nine pixels around a place."""
    column, row = round((x_mm - seen.x_mm) / seen.pixel_mm), round((seen.y_mm - y_mm) / seen.pixel_mm)
    return seen.rates[row - 1 : row + 2, column - 1 : column + 2].mean(axis=(0, 1))


def test_daylight_hardly_shows_what_ultraviolet_does_and_the_filter_what_was_rewritten(
    session: Session, experiment: Experiment
) -> None:
    session.RE(line_series(experiment, [200.0], [0.4, 0.4], measurement=QUICK))
    session.RE(rewrite(experiment, ["E0v0"]))
    ledger = experiment.ledger()
    again, once = (ledger.site("C1", name).site for name in ("E0v0", "E0v1"))
    assert again is not None
    assert once is not None
    middle = 0.5 * (again.x_mm + once.x_mm), 0.5 * (again.y_mm + once.y_mm)
    session.RE(image_sites(experiment, {"both": middle}, shots=LIGHTS))
    run = session.records.runs()[-1]
    seen = photographs_of(run)
    assert set(seen) == {("both", one.illumination, one.filter) for one in LIGHTS}
    assert len(run.table("dark")["seq_num"]) == 12
    assert len(run.table("flat")["seq_num"]) == 4
    day, uv, red = (seen["both", one.illumination, one.filter] for one in LIGHTS)
    glass = day.transmission()[:20].mean(axis=(0, 1))
    assert glass == pytest.approx(0.9216, abs=0.002)  # two faces of 4 %
    for site in (again, once):
        assert 0.97 < (at(day, site.x_mm, site.y_mm) / day.white_rate / glass).mean() < 1.003
        assert at(uv, site.x_mm, site.y_mm).max() > 50 * abs(uv.rates[:20].mean())
    assert at(red, again.x_mm, again.y_mm)[0] > 10 * at(red, once.x_mm, once.y_mm)[0]
    assert session.bench.camera is not None
    assert session.bench.camera.illumination.get() == "off"


def test_tiles_fit_on_each_other_and_the_figure_says_where_they_are(
    session: Session, experiment: Experiment, tmp_path: Path
) -> None:
    session.RE(line_series(experiment, [200.0], [0.4, 0.4], x_mm=3.0, y_mm=2.0, measurement=QUICK))
    session.RE(image_coupon(experiment, (0.0, 0.0), (5.0, 3.0), overlap=0.25))
    run = session.records.runs()[-1]
    assert set(run.table("pictures")["site_name"].tolist()) == {"t0-0", "t0-1", "t1-0", "t1-1"}
    whole = overviews_of(run)["uv_365nm", "none"]
    left, right, bottom, top = whole.extent_mm
    assert left <= 0.0
    assert right >= 5.0
    assert bottom <= 0.0
    assert top >= 3.0
    one = max((p for key, p in photographs_of(run).items() if key[1] == "uv_365nm"), key=lambda p: float(p.rates.max()))
    # a line that lies in two tiles is one line: as bright and as wide as in the tile that has it whole
    rows = whole.rates.max(axis=2) > 0.5 * whole.rates.max()
    alone = one.rates.max(axis=2) > 0.5 * one.rates.max()
    assert whole.rates.max() == pytest.approx(one.rates.max(), rel=0.1)
    assert rows.sum(axis=0).max() <= 2 * alone.sum(axis=0).max() + 1
    assert not np.isnan(overviews_of(run)["white", "none"].rates).all()
    paths = write_pictures(run, tmp_path / "out", code_version="1.2")
    assert [path.name for path in paths] == ["pictures-C1.png", "pictures-C1.svg", "pictures-C1.csv"]
    with Image.open(paths[0]) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    greener = pixels[..., 1] - np.maximum(pixels[..., 0], pixels[..., 2])
    assert (greener > 60).sum() > 60  # the lines
    table = paths[2].read_text(encoding="utf-8").splitlines()
    assert table[0].startswith("picture,illumination,filter,left_mm")
    assert len(table) == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda e: image_sites(e, {"a": (50.0, 1.0)}), r"\['a'\] outside the coupon of"),
        (lambda e: image_sites(e, {}), "no places"),
        (lambda e: image_sites(e, {"a": (1.0, 1.0)}, shots=()), "shots"),
        (lambda e: image_sites(e, {"a": (1.0, 1.0)}, shots=[Shot(filter="blue")]), "no filter 'blue'; there are"),
        (lambda e: image_sites(e, {"a": (1.0, 1.0)}, shots=[Shot(exposure_s=90.0)]), "exposure 90 s, allowed are"),
        (lambda e: image_sites(e, {"a": (1.0, 1.0)}, shots=[Shot(gain=0.1)]), "gain 0.1"),
        (lambda e: image_coupon(e, (0.0, 0.0), (60.0, 5.0)), "allowed is an area of the coupon"),
        (lambda e: image_coupon(e, overlap=0.9), "overlap"),
    ],
)
def test_what_cannot_be_photographed_is_refused_at_the_call(
    session: Session, experiment: Experiment, make: Any, words: str
) -> None:
    with pytest.raises(ExperimentRefusedError, match=words):
        make(experiment)
    assert session.records.runs() == []
    assert session.bench.changer.at_stage.get() == ""


def test_a_run_without_pictures_says_so(session: Session, experiment: Experiment) -> None:
    session.RE(line_series(experiment, [200.0], [0.8], measurement=QUICK))
    with pytest.raises(RecordError, match="holds no pictures: its purpose is measurement"):
        photographs_of(session.records.runs()[-1])
