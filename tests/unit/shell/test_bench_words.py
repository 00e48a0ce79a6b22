"""What a session says of the bench without asking it more than it must: completion, `%wa`, banner, colours."""

from __future__ import annotations

import gc
import io
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beamline.instrument import Instrument
from beamline.session import Session, open_session
from beamline.shell.banner import banner
from beamline.shell.completion import complete_devices
from beamline.shell.live import MOST_FIGURES, MOST_RUNS, Live
from beamline.shell.paint import has_colours
from beamline.shell.start import RACK
from beamline.shell.where import where_text
from devices import SensorError


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    data = tmp_path_factory.mktemp("words")
    with open_session(Instrument(), coupons=RACK, data=data, seed=1, unattended=False, catalog=False) as opened:
        yield opened


@pytest.mark.parametrize(
    ("line", "piece", "first"),
    [
        ("laser.pulse_e", "laser.pulse_e", ("laser.pulse_energy_uJ", "uJ, 1 to 400")),
        ("x = bench.laser.exp", "bench.laser.exp", ("bench.laser.exposure_s", "s, 0.001 to 60")),
        ("RE(bps.mv(stage.x", "stage.x", ("stage.x_mm", "mm, 0 to 250")),
        ("furnace.temp", "furnace.temp", ("furnace.temperature_C", "degC, read only")),
        ("%mov fur", "fur", ("furnace", "degC, 20 to 560")),
        ("%mov furnace ", "", ("20", "degC, 20 to 560")),
        ("%mov laser.output ", "", ("closed", "closed | open")),
        ("%mov furnace 60 stage.z", "stage.z", ("stage.z_mm", "mm, 0 to 12")),
    ],
)
def test_tab_says_unit_and_bounds(session: Session, line: str, piece: str, first: tuple[str, str]) -> None:
    found_piece, found = complete_devices(session.bench, line)
    assert (found_piece, found[0]) == (piece, first)


@pytest.mark.parametrize("line", ["", "x = 3", "other.pulse", "mylaser.pul", "laser", "%mov furnace 6", "self.laser.p"])
def test_tab_leaves_alone_what_is_no_device(session: Session, line: str) -> None:
    assert complete_devices(session.bench, line)[1] == []


def test_tab_reads_nothing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("an instrument was asked")

    for name in ("get", "read"):
        for signal in session.bench.laser._signals.values():
            monkeypatch.setattr(signal, name, refuse, raising=False)
    assert len(complete_devices(session.bench, "laser.")[1]) > 8


def test_wa_goes_on_where_one_value_cannot_be_read(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> float:
        raise SensorError("laser_pulse_energy_uJ: reads nan; check the sensor")

    monkeypatch.setattr(session.bench.laser.pulse_energy_uJ, "get", broken)
    text = where_text(session.bench, ["laser"], is_coloured=False)
    assert "! SensorError: laser_pulse_energy_uJ: reads nan; check the sensor" in text
    assert "repetition_rate_kHz" in text
    assert "\x1b" not in text


def test_the_banner_says_bench_on_red(session: Session) -> None:
    from dataclasses import replace

    instrument = session.instrument.model_copy(update={"kind": "bench", "name": "lab"})
    text = banner(replace(session, instrument=instrument), is_coloured=True)
    assert "\x1b[1;97;41m BENCH \x1b[0m lab  REAL INSTRUMENTS" in text
    assert "TWIN" not in text


def test_there_are_no_colours_where_nobody_sees_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert has_colours(Terminal())
    assert not has_colours(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours(Terminal())


def test_plots_keep_a_few_runs_and_a_few_figures(session: Session, tmp_path: Path) -> None:
    import bluesky.plans as bp
    import matplotlib.pyplot as plt
    from bluesky import RunEngine
    from ophyd.sim import det, det1, det2, motor, motor1, motor2, motor3

    _ = session, tmp_path
    live, engine = Live(), RunEngine({})
    engine.subscribe(live)
    engine.preprocessors.append(live.before_a_plan)
    live.disable_table()
    live.disable_heading()
    live.disable_baseline()
    for _run in range(MOST_RUNS + 3):
        engine(bp.scan([det], motor, 0, 1, 3))
    (axes,) = plt.figure(plt.get_figlabels()[0]).axes
    n_drawn = [line for line in axes.lines if len(line.get_xdata()) == 3]
    assert len(n_drawn) == 3  # the figure was full and begun anew
    closed = weakref.ref(axes)
    del axes, n_drawn
    for detector in (det1, det2):
        for axis in (motor, motor1, motor2, motor3):
            engine(bp.scan([detector], axis, 0, 1, 3))
    assert len(plt.get_fignums()) == MOST_FIGURES
    gc.collect()
    assert closed() is None  # nobody holds the first figure's axes any more
    plt.close("all")
    engine.loop.call_soon_threadsafe(engine.loop.stop)
