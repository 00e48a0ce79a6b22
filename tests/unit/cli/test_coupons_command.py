"""`vitrail coupons`: what it lists, draws, marks and refuses."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from beamline.campaign import parse_campaign
from beamline.cli import main
from beamline.recipe import as_plain
from beamline.records import LogWriter

CAMPAIGN = """
name = "night"
seed = 7
optimizer.kind = "random"
sites.per_coupon = 2
stop.max_coupons = 1
[space]
hold_s = [600, 900]
[[glass]]
name = "Br50I50"
bromide = 50.0
iodide = 50.0
[[coupon]]
serial = "C01"
glass = "Br50I50"
"""


@pytest.fixture(scope="module")
def synthetic() -> ModuleType:
    path = Path(__file__).parents[1] / "records" / "synthetic.py"
    spec = importlib.util.spec_from_file_location("records_synthetic_for_coupons", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def night(synthetic: ModuleType, folder: Path, name: str, kind: str, *, seed: int, hours: float = 0.0) -> None:
    """One coupon C01, written and annealed, a site of it measured."""
    plan = as_plain(parse_campaign(CAMPAIGN, "night.toml"))
    with LogWriter(folder) as log:
        writer = synthetic.Writer(log, name, t0=synthetic.T0 + 3600.0 * hours)
        writer.begin("campaign", campaign_file=plan, instrument={"name": name, "kind": kind}, seed=seed).end()
        writer.write(1)
        writer.anneal(1)
        writer.measure(1)


@pytest.fixture
def data(tmp_path: Path, synthetic: ModuleType) -> Path:
    """Two nights on the simulated bench, with the same serial."""
    night(synthetic, tmp_path / "data", "a", "twin", seed=3)
    night(synthetic, tmp_path / "data", "b", "twin", seed=4, hours=5)
    return tmp_path / "data"


def vitrail(data: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["coupons", *words, "--data", str(data)])


def test_coupons_of_two_simulated_nights_are_not_taken_for_one(data: Path) -> None:
    done = vitrail(data)
    assert done.exit_code == 0
    assert [line for line in done.output.splitlines() if line.startswith("--")] == [
        "-- simulated: a uid-of-a, seed 3",
        "-- simulated: b uid-of-b, seed 4",
    ]
    assert done.output.count("3 measured") == 2
    assert "suspect" not in done.output


def test_on_a_bench_a_second_exposure_is_suspect(tmp_path: Path, synthetic: ModuleType) -> None:
    night(synthetic, tmp_path, "a", "bench", seed=3)
    night(synthetic, tmp_path, "b", "bench", seed=4, hours=5)
    done = vitrail(tmp_path)
    assert "3 suspect" in done.output
    assert "S00 suspect: exposed again by another run" in done.output
    assert "--" not in done.output


def test_json_says_in_which_world_a_coupon_is(data: Path) -> None:
    done = vitrail(data, "--json")
    found = json.loads(done.stdout)
    assert [each["world"] for each in found] == [
        {"campaign_uid": "uid-of-a", "name": "a", "seed": 3},
        {"campaign_uid": "uid-of-b", "name": "b", "seed": 4},
    ]
    assert {site["state"] for site in found[0]["sites"].values()} == {"measured"}
    assert json.loads(vitrail(data, "--json", "--campaign", "b").stdout) == found[1:]


def test_damage_is_shown_in_the_night_that_it_was_seen_in(data: Path) -> None:
    assert vitrail(data, "mark", "C01", "damaged", "--reason", "fell").exit_code == 0
    first, second = vitrail(data).output.split("-- simulated: b")
    assert "DAMAGED" not in first
    assert "DAMAGED: fell" in second


@pytest.mark.parametrize("form", ["png", "svg"])
def test_maps_have_a_file_for_each_coupon_of_each_night(data: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "maps"
    done = vitrail(data, "--draw", "--out", str(out), *(["--svg"] if form == "svg" else []))
    assert done.exit_code == 0, done.output
    assert "x mm" in done.output
    assert {path.name for path in out.iterdir()} == {f"uid-of-a-C01.{form}", f"uid-of-b-C01.{form}"}
    for path in out.iterdir():
        if form == "svg":
            assert "<svg" in path.read_text()[:600]
        else:
            assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--coupon", "C77"], "do not know C77"),
        (["--campaign", "nobody"], "nobody"),
        (["--out", "maps"], "--out is where --draw puts its files"),
        (["--svg"], "--svg is the form of the files in --out"),
        (["mark", "C77", "damaged", "--reason", "fell"], "speaks of coupon C77"),
        (["mark", "C01", "damaged", "--reason", " "], "Give a reason"),
    ],
)
def test_what_cannot_be_is_refused_with_code_2(data: Path, words: list[str], said: str) -> None:
    done = vitrail(data, *words)
    assert done.exit_code == 2
    assert said in done.output


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = vitrail(tmp_path / "nowhere")
    assert done.exit_code == 2
    assert "there is no such folder" in done.output
    assert vitrail(tmp_path).exit_code == 0  # a folder without a coupon is no mistake
