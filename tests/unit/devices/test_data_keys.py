"""What the devices describe is what they read: names, types, shapes and units, in documents that the event model accepts."""

from __future__ import annotations

from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import numpy as np
import pytest
from bluesky import RunEngine
from event_model import DocumentNames, schema_validators

from devices import Bench

from .conftest import Documents

READ = {
    "laser": {
        "laser_pulse_energy_uJ": "uJ",
        "laser_power_at_sample_W": "W",
        "laser_repetition_rate_kHz": "kHz",
        "laser_pulses_delivered": "pulses",
    },
    "stage": {"stage_x_mm": "mm", "stage_y_mm": "mm", "stage_z_mm": "mm"},
    "furnace": {"furnace_temperature_C": "degC", "furnace_setpoint_C": "degC"},
    "spectrometer": {
        "spectrometer_counts": "counts",
        "spectrometer_integration_s": "s",
        "spectrometer_n_averages": "exposures",
        "spectrometer_n_saturated": "pixels",
    },
    "changer": {"changer_at_stage": None, "changer_in_furnace": None},
    "lifetime": {
        "lifetime_counts": "photons",
        "lifetime_response": "1",
        "lifetime_acquisition_s": "s",
        "lifetime_count_rate_Hz": "Hz",
        "lifetime_photons_per_pulse": "1",
        "lifetime_stopped_by": None,
        "lifetime_warning": None,
        "lifetime_filter": None,
        "lifetime_excitation_percent": "%",
        "lifetime_bin_width_ns": "ns",
        "lifetime_excitation_rate_kHz": "kHz",
    },
    "camera": {
        "camera_image": "counts",
        "camera_n_saturated": "pixels",
        "camera_exposure_s": "s",
        "camera_gain": "1",
        "camera_illumination": None,
        "camera_filter": None,
    },
    "clock_s": {"clock_s": "s"},
    "site_name": {"site_name": None},
}
CONFIGURED = {
    "laser": {"laser_pulse_duration_fs": "fs", "laser_wavelength_nm": "nm", "laser_numerical_aperture": "1"},
    "stage": {},
    "furnace": {"furnace_ramp_C_min": "degC/min"},
    "spectrometer": {
        "spectrometer_wavelength_nm": "nm",
        "spectrometer_saturation_counts": "counts",
        "spectrometer_read_noise_counts": "counts",
        "spectrometer_gain_counts_per_electron": "counts/electron",
    },
    "changer": {},
    "lifetime": {"lifetime_excitation_nm": "nm"},
    "camera": {"camera_pixel_size_um": "um", "camera_saturation_counts": "counts"},
}
ALL = list(READ)


def check(described: dict[str, dict[str, Any]], read: dict[str, dict[str, Any]]) -> None:
    assert set(described) == set(read)
    for name, key in described.items():
        value = read[name]["value"]
        assert read[name]["timestamp"] > 1.7e9
        if name == "camera_image":
            assert value.dtype == np.dtype(key["dtype_numpy"]) == np.uint16
            assert list(value.shape) == key["shape"] == [192, 256, 3]
        elif key["dtype"] == "array":
            assert value.dtype == np.dtype(key["dtype_numpy"]) == np.float64
            assert list(value.shape) == key["shape"] == [4096 if name.startswith("lifetime") else 2048]
        elif key["dtype"] == "number":
            assert type(value) is float
            assert key["dtype_numpy"] == "<f8"
            assert key["shape"] == []
        else:
            assert key["dtype"] == "string"
            assert np.array(value).dtype <= np.dtype(key["dtype_numpy"])
            assert key["shape"] == []


@pytest.mark.parametrize("role", ALL)
def test_reads_what_it_describes(bench: Bench, role: str) -> None:
    device = getattr(bench, role)
    described = device.describe()
    assert {name: key.get("units") for name, key in described.items()} == READ[role]
    check(described, device.read())


@pytest.mark.parametrize("role", CONFIGURED)
def test_is_configured_as_it_describes(bench: Bench, role: str) -> None:
    device = getattr(bench, role)
    described = device.describe_configuration()
    assert {name: key.get("units") for name, key in described.items()} == CONFIGURED[role]
    check(described, device.read_configuration())


def test_every_other_signal_describes_what_it_reads(bench: Bench) -> None:
    for role in CONFIGURED:
        device = getattr(bench, role)
        for name in device.component_names:
            signal = getattr(device, name)
            check(signal.describe(), signal.read())


def test_hints_name_what_is_read(bench: Bench) -> None:
    hinted = {field for role in CONFIGURED for field in getattr(bench, role).hints["fields"]}
    assert hinted == {
        "laser_pulse_energy_uJ",
        "laser_power_at_sample_W",
        "stage_x_mm",
        "stage_y_mm",
        "furnace_temperature_C",
        "spectrometer_n_saturated",
        "lifetime_count_rate_Hz",
        "lifetime_photons_per_pulse",
        "camera_n_saturated",
    }


def test_limits_stand_in_the_data_keys(bench: Bench) -> None:
    key = bench.laser.pulse_energy_uJ.describe()["laser_pulse_energy_uJ"]
    assert key["limits"] == {"control": {"low": 1.0, "high": 400.0}}


def test_labels_let_the_prompt_find_the_devices(bench: Bench) -> None:
    for role in CONFIGURED:
        assert getattr(bench, role)._ophyd_labels_
    assert "motors" in bench.stage.x_mm._ophyd_labels_


def test_documents_are_valid_and_scalars_stay_floats(RE: RunEngine, bench: Bench, documents: Documents) -> None:
    @bpp.run_decorator()
    def plan() -> Any:
        yield from bps.mv(bench.laser.pulse_energy_uJ, 150, bench.spectrometer.n_averages, 3, bench.site_name, "s01")
        yield from bps.trigger_and_read([getattr(bench, role) for role in ALL], name="all")
        yield from bps.mv(bench.laser.pulse_energy_uJ, 150.5, bench.site_name, "s02")
        yield from bps.trigger_and_read(
            [getattr(bench, role) for role in ALL if role != "laser"] + [bench.laser], name="all"
        )

    RE(plan())
    for name, document in documents.documents:
        schema_validators[DocumentNames[name]].validate(document)
    first, second = documents.data("all")
    assert first["site_name"] == "s01"
    assert second["site_name"] == "s02"
    assert set(first) == {key for keys in READ.values() for key in keys}
    assert [type(d["laser_pulse_energy_uJ"]) for d in (first, second)] == [float, float]
    assert first["spectrometer_n_averages"] == 3.0
    axis = documents.descriptor("all")["configuration"]["spectrometer"]
    assert axis["data_keys"]["spectrometer_wavelength_nm"]["units"] == "nm"
    wavelength_nm = np.asarray(axis["data"]["spectrometer_wavelength_nm"])
    assert wavelength_nm.shape == (2048,)
    assert (wavelength_nm[0], wavelength_nm[-1]) == (430.0, 830.0)
    assert (np.diff(wavelength_nm) > 0).all()
