"""Files from elsewhere: what is understood, and what is refused with what is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beamline.offline import OfflineError, read_measurement

CURVE = np.column_stack((np.linspace(500.0, 600.0, 21), np.linspace(0.1, 0.3, 21)))


@pytest.mark.parametrize(
    ("name", "heading", "separator", "technique", "axis"),
    [
        ("a.csv", "wavelength_nm,absorbance", ",", "absorption", "wavelength_nm"),
        ("a.txt", "# Wavelength (nm)\tA", "\t", "absorption", "wavelength_nm"),
        ("a.xy", "", " ", "raman", "raman_shift_1_cm"),
        ("a.csv", "Binding Energy (eV);counts", ";", "xps", "binding_energy_eV"),
    ],
)
def test_text_is_read_with_its_axis(
    write: Any, *, name: str, heading: str, separator: str, technique: str, axis: str
) -> None:
    found = read_measurement(
        write(name, CURVE[::-1], heading, separator), technique, axis=None if heading else "raman_shift_1_cm"
    )
    assert found.axis.name == axis
    assert np.allclose(np.column_stack((found.x, found.y)), CURVE)  # rising, whichever way the file goes


def test_sizes_are_one_column_and_transient_absorption_is_a_table(write: Any) -> None:
    sizes = read_measurement(write("s.txt", [[3.5], [4.0], [3.9]], "diameter_nm"), "tem_sizes")
    assert sizes.x.tolist() == [3.5, 4.0, 3.9]
    rows = np.zeros((6, 4))
    rows[0, 1:] = [-1.0, 1.0, 10.0]
    rows[1:, 0] = [500, 510, 520, 530, 540]
    rows[1:, 2] = -0.01
    found = read_measurement(write("ta.csv", rows), "transient_absorption", axis="wavelength_nm")
    assert found.delays_ps is not None
    assert found.delays_ps.tolist() == [-1.0, 1.0, 10.0]
    assert found.y.shape == (3, 5)
    assert found.y[1].tolist() == [-0.01] * 5


@pytest.mark.parametrize(
    ("heading", "asked", "why"),
    [
        ("wavelength,absorbance", {"technique": "absorption"}, "does not say axis and unit"),
        ("wavelength_nm,A", {"technique": "absorption", "axis": "energy_eV"}, "and not energy_eV"),
        ("wavelength_nm,A", {"technique": "raman"}, "raman has raman_shift_1_cm"),
        ("", {"technique": "absorption", "axis": "energy_eV"}, "is it another axis or unit"),
        ("", {"technique": "absorption", "axis": "two_theta_deg"}, "no axis 'two_theta_deg'"),
        ("", {"technique": "xrd", "axis": "two_theta_deg"}, "X-rays' wavelength"),
        ("", {"technique": "xrd", "axis": "two_theta_deg", "x_ray_wavelength_A": 154.06}, "allowed: 0.1 to 5 A"),
        ("", {"technique": "raman", "x_ray_wavelength_A": 1.54}, "no X-ray wavelength"),
        ("", {"technique": "nmr"}, "not known here"),
    ],
)
def test_units_are_not_guessed(write: Any, heading: str, asked: dict[str, Any], why: str) -> None:
    with pytest.raises(OfflineError, match=why):
        read_measurement(write("a.csv", CURVE, heading), **asked)


def test_files_that_are_none_are_refused(write: Any, tmp_path: Path) -> None:
    with pytest.raises(OfflineError, match="export it as text"):
        read_measurement(tmp_path / "a.spe", "raman")
    with pytest.raises(OfflineError, match="there is no file"):
        read_measurement(tmp_path / "a.csv", "raman")
    with pytest.raises(OfflineError, match="at least 5"):
        read_measurement(write("b.csv", CURVE[:3], "wavelength_nm,A"), "absorption")
    with pytest.raises(OfflineError, match="in two rows"):
        read_measurement(write("c.csv", np.repeat(CURVE, 2, axis=0), "wavelength_nm,A"), "absorption")
    with pytest.raises(OfflineError, match="delays in ps"):
        read_measurement(write("d.csv", CURVE), "transient_absorption", axis="wavelength_nm")
    with pytest.raises(OfflineError, match="no VAMAS file"):
        read_measurement(write("e.vms", CURVE), "xps")


HEADER = """VAMAS Surface Chemical Analysis Standard Data Transfer Format 1988 May 4
lab
instrument
operator
experiment
0
NORM
REGULAR
{n}
0
0
0
0
0
{n}"""
BLOCK = """Pb 4f
sample
2026
1
5
12
0
0
0
0
XPS
Al
1486.6
100
0
0
0
0
FAT
20
1
4.5
0
0
0
0
0
Pb
4f
-1
{label}
{unit}
{start}
{step}
1
counts
d
pulse counting
0.1
1
0
0
0
0
0
{n}
0
0
{values}"""
VALUES = [10.0, 12.0, 40.0, 90.0, 42.0, 11.0]


def vamas(folder: Path, n_blocks: int = 1, **changes: Any) -> Path:
    values = {"label": "Binding Energy", "unit": "eV", "start": 142.0, "step": -0.5, "n": len(VALUES)} | changes
    block = BLOCK.format(values="\n".join(map(str, VALUES)), **values)
    path = folder / "pb.vms"
    path.write_text("\n".join([HEADER.format(n=n_blocks), *[block] * n_blocks, "end of experiment\n"]))
    return path


def test_vamas_energies_are_binding_energies(tmp_path: Path) -> None:
    binding = read_measurement(vamas(tmp_path), "xps")
    assert binding.x.tolist() == [139.5, 140.0, 140.5, 141.0, 141.5, 142.0]
    assert binding.y.tolist() == VALUES[::-1]
    kinetic = read_measurement(vamas(tmp_path, label="kinetic energy", start=1486.6 - 142.0, step=0.5), "xps")
    assert np.allclose(kinetic.x, binding.x)
    assert kinetic.y.tolist() == VALUES[::-1]
    assert "1486.6 eV - kinetic energy" in kinetic.note


def test_a_vamas_file_with_several_blocks_needs_a_number(tmp_path: Path) -> None:
    path = vamas(tmp_path, 2)
    with pytest.raises(OfflineError, match="holds 2 blocks"):
        read_measurement(path, "xps")
    assert read_measurement(path, "xps", block=2).x.size == 6
    with pytest.raises(OfflineError, match="no block 3"):
        read_measurement(path, "xps", block=3)
    with pytest.raises(OfflineError, match="energies in eV"):
        read_measurement(vamas(tmp_path, unit="K"), "xps")


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 60), line=st.integers(0, 60), text=st.text(max_size=8))
def test_a_damaged_vamas_file_is_refused_or_read_and_nothing_else(
    tmp_path: Path, cut: int, line: int, text: str
) -> None:
    lines = vamas(tmp_path).read_text().splitlines()
    lines[line % len(lines)] = text.replace("\n", "")
    (tmp_path / "torn.vms").write_text("\n".join(lines[: len(lines) - cut]), encoding="utf-8")
    try:
        found = read_measurement(tmp_path / "torn.vms", "xps")
    except OfflineError:
        return
    assert found.x.size == found.y.size >= 5
