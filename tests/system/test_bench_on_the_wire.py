"""A bench session over the wire: the twin in a process of its own, spectra and a decay by the instruments' drivers."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import bluesky.plan_stubs as bps
import numpy as np
import pytest
from bluesky.utils import MsgGenerator
from commands import VITRAIL
from wire_bench import bench_file, wait_for_watchdogs

from beamline.instrument import load_instrument
from beamline.recipe import Coupon, Dot, Glass, HeatTreatment, Line, Measurement, Recipe, Site
from beamline.session import Session, open_session
from beamline.smoke import ROLES, look
from plans import CouponInHand, NightLabel, load_on_stage, measure_coupon, write_coupon

SPEED = 30.0
COUPONS = tuple(Coupon(serial=f"C0{n}", glass=Glass(name="BrI", bromide=1.5, iodide=1.5)) for n in (1, 2))

OPTIONS = {
    "laser": "--laser-port",
    "furnace": "--furnace-port",
    "stage": "--stage-port",
    "spectrometer": "--spectrometer-port",
    "carousel": "--carousel-port",
}
NAMES = {
    "laser": "Light Conversion",
    "furnace": "EPC3000",
    "stage": "Zaber",
    "spectrometer": "Ocean",
    "carousel": "carousel, Modbus TCP",
}


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "counter"
    folder.mkdir()
    free = [word for option in OPTIONS.values() for word in (option, "0")]
    command = [VITRAIL, "twin", "serve", *free, "--speed", str(SPEED), "--coupons", "2", "--lifetime-folder", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as twin:
        assert twin.stdout is not None
        ports: dict[str, int] = {}
        for line in twin.stdout:
            ports |= {role: int(re.findall(r":(\d+)", line)[-1]) for role, name in NAMES.items() if name in line}
            if line.startswith("Time runs"):
                break
        file = tmp_path / "instrument.toml"
        text = bench_file(ports, speed=SPEED, lifetime_folder=folder, slots={"C01": 1, "C02": 2})
        file.write_text(text, encoding="utf-8")
        yield file
        wait_for_watchdogs()
        twin.send_signal(signal.SIGTERM)
        assert twin.stdout.read() == "Ended; the laser's output is closed.\n"
        assert twin.wait(10) == 0


def opened(file: Path) -> Session:
    return open_session(
        load_instrument(file),
        coupons=COUPONS,
        data=file.parent / "data",
        seed=1,
        unattended=False,
        catalog=False,
    )


def decays(session: Session) -> MsgGenerator[None]:
    bench = session.bench
    lifetime = bench.need_lifetime()
    yield from bps.open_run({"purpose": "measurement"})
    yield from bps.mv(lifetime.filter, "green")
    yield from bps.mv(lifetime.duration_s, 20.0)
    yield from bps.trigger_and_read([lifetime, bench.clock_s, bench.site_name], name="decays")
    yield from bps.close_run()


def test_two_coupons_are_written_and_measured_by_the_drivers_of_the_instruments(file: Path) -> None:
    treatment = HeatTreatment(temperature_C=450, hold_s=600, ramp_C_min=20)
    writings = {
        "A1": Dot(pulse_energy_uJ=200, exposure_s=10.0),
        "A2": Line(pulse_energy_uJ=200, speed_mm_s=0.4, length_mm=2.0),
    }
    recipes = {name: Recipe(writing=writing, heat_treatment=treatment) for name, writing in writings.items()}
    uids = []
    with opened(file) as session:
        assert [role for role, driver in session.instrument.drivers.items() if driver == "none"] == ["camera"]
        bench, RE = session.bench, session.RE
        for n, coupon in enumerate(COUPONS, start=1):
            sites = {
                name: Site(coupon=coupon.serial, name=name, x_mm=8.0 + 4 * i, y_mm=10.0)
                for i, name in enumerate(recipes)
            }
            hand = CouponInHand(NightLabel("by-hand", "by-hand-1", {}), coupon, n, "by-hand", sites, recipes)
            RE(load_on_stage(bench, coupon.serial))
            assert bench.changer.at_stage.get() == coupon.serial
            RE(write_coupon(bench, hand))
            uids.append(RE(measure_coupon(bench, hand, Measurement(integration_s=0.5, n_averages=2)))[-1])
        RE(decays(session))
    runs = session.records.runs()
    assert all(run.stop is not None and run.stop["exit_status"] == "success" for run in runs)
    exposures = [
        d["data"] for run in runs for n, d in run.documents if n == "event" and "laser_pulses_delivered" in d["data"]
    ]
    pulses = [data["laser_pulses_delivered"] for data in exposures if data["site_name"] == "A1"]
    assert max(pulses) == pytest.approx(100_000, rel=0.5)  # 10 s on the instrument's clock, at 10 kHz
    spectra = [
        d["data"]["spectrometer_counts"]
        for run in runs
        for n, d in run.documents
        if n == "event" and "spectrometer_counts" in d["data"]
    ]
    assert len(spectra) == 6  # two sites and a dark, of two coupons
    for first in (0, 3):  # the second coupon's dot comes after a line, which leaves the stage's gate shut
        lit, dark = np.array(spectra[first]), np.array(spectra[first + 2])
        assert (lit - dark).max() > 100
    (histogram,) = [
        d["data"] for run in runs for n, d in run.documents if n == "event" and "lifetime_counts" in d["data"]
    ]
    assert histogram["lifetime_acquisition_s"] == pytest.approx(20.0, abs=1.0)
    assert np.sum(histogram["lifetime_counts"]) > 500
    assert histogram["lifetime_filter"] == "green"


def test_the_smoke_look_reads_every_role(file: Path) -> None:
    settings = load_instrument(file).bench
    assert settings is not None
    findings = look(settings)
    assert {finding.role for finding in findings} == set(ROLES)
    assert not [finding for finding in findings if finding.warning], findings
    read = {(finding.role, finding.what): finding.value for finding in findings}
    assert read["changer", "coupons"] == "C01: rack, C02: rack"
    assert read["lifetime", "bins"] == "4096 of 0.128 ns"
    assert read["spectrometer", "wavelength"].endswith("nm")
