"""The instrument file, and campaigns that ask for more than an instrument can do."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamline.campaign import load_campaign
from beamline.instrument import Instrument, InstrumentFileError, beyond_reach, load_instrument
from beamline.recipe import DecayMeasurement
from devices import Geometry, Limits

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_example_spells_out_the_defaults() -> None:
    assert load_instrument(EXAMPLES / "instrument.toml") == Instrument()


def test_the_example_of_a_bench_is_one() -> None:
    instrument = load_instrument(EXAMPLES / "bench.toml")
    assert instrument.kind == "bench"
    assert set(instrument.drivers) == {"laser", "stage", "furnace", "changer", "spectrometer", "lifetime", "camera"}
    assert "none" not in instrument.drivers.values()


def test_the_simulated_bench_can_do_the_example_night() -> None:
    assert beyond_reach(load_campaign(EXAMPLES / "night.toml"), Instrument()) == ()


@pytest.mark.parametrize(
    ("limits", "key", "words"),
    [
        (
            Limits(pulse_energy_uJ=(1, 200)),
            "space.pulse_energy_uJ",
            "260 uJ is beyond instrument weak; it allows 1 to 200 uJ",
        ),
        (Limits(furnace_temperature_C=(20, 500)), "space.temperature_C", "550 degC"),
        (Limits(line_speed_mm_s=(0.5, 3)), "space.speed_mm_s", "0.2 mm/s"),
        (Limits(x_mm=(0, 140)), "coupon", "does not fit the travel of x"),
        (Limits(repetition_rate_kHz=(20, 1000)), "space (repetition rate)", "10 kHz"),
        (Limits(z_mm=(0, 5)), "space (stage z of the focus)", "mm"),
    ],
)
def test_a_campaign_beyond_an_instrument_is_refused_with_key_value_bound_and_unit(
    limits: Limits, key: str, words: str
) -> None:
    instrument = Instrument(name="weak", geometry=Geometry(limits=limits))
    problems = beyond_reach(load_campaign(EXAMPLES / "night.toml"), instrument)
    assert {problem.key for problem in problems} == {key}
    assert any(words in str(problem) for problem in problems)


def test_a_lifetime_is_refused_where_nothing_counts_decays(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    text = (EXAMPLES / "bench.toml").read_text(encoding="utf-8")
    begin, end = (
        text.index("[bench.lifetime.files]"),
        text.index("[", text.index('filters = ["all"') + len('filters = ["')),
    )
    file.write_text(text[:begin] + text[end:], encoding="utf-8")
    night = load_campaign(EXAMPLES / "night.toml")
    wish = night.objective.model_copy(update={"lifetime": "maximise_red"})
    asked = night.measurement.model_copy(update={"decay": DecayMeasurement()})
    blind = load_instrument(file)
    for change, key in (({"objective": wish}, "objective"), ({"measurement": asked}, "measurement.decay")):
        campaign = night.model_copy(update=change)
        assert key in [
            problem.key for problem in beyond_reach(campaign, blind) if "no lifetime counter" in str(problem)
        ]
        assert beyond_reach(campaign, Instrument()) == ()
    long = night.model_copy(
        update={"measurement": night.measurement.model_copy(update={"decay": DecayMeasurement(duration_s=900)})}
    )
    short = Instrument(geometry=Geometry(limits=Limits(lifetime_duration_s=(0.1, 600))))
    [problem] = beyond_reach(long, short)
    assert str(problem).startswith("measurement.decay.duration_s")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('kind = "bench"', "driver of each role"),
        ("[geometry]\nseat_x = 3", "seat_x"),
        ("[times]\ntransfer_s = -1", "transfer_s"),
        ("", "empty"),
    ],
)
def test_a_bad_instrument_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "instrument.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InstrumentFileError, match=words):
        load_instrument(file)


@pytest.mark.parametrize("geometry", [Geometry(unload_C=25), Geometry(limits=Limits(furnace_temperature_C=(100, 560)))])
def test_a_furnace_that_never_cools_to_its_door_is_refused_before_a_coupon_is_in_it(geometry: Geometry) -> None:
    problems = beyond_reach(load_campaign(EXAMPLES / "night.toml"), Instrument(geometry=geometry))
    assert [problem.key for problem in problems] == ["geometry.unload_C"]
    assert "is never reached" in str(problems[0])
