"""Any model is read from TOML, with the error that its room names."""

from pathlib import Path

import pytest

from beamline.problems import BadFileError, load_toml
from beamline.recipe import Measurement


class MeasurementFileError(BadFileError):
    """Refused."""


def test_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "measurement.toml"
    path.write_text("integration_s = 0.5\n")
    assert load_toml(path, Measurement) == Measurement(integration_s=0.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "integration_ms = 500",
            "integration_ms: unknown key (value 500); this is given in s: write integration_s = 0.5",
        ),
        ("", "the file is empty"),
    ],
)
def test_a_bad_file_is_refused_with_the_error_asked_for(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "measurement.toml"
    path.write_text(text)
    with pytest.raises(MeasurementFileError) as refused:
        load_toml(path, Measurement, MeasurementFileError)
    assert str(refused.value) == f"{path}: {said}"
    assert refused.value.source == str(path)
