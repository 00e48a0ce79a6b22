"""What holds for the repository as a whole: cheap imports, pinned versions, no paths of a machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]

ENGINE = {"bluesky", "ophyd", "tiled", "databroker"}
HEAVY = {*ENGINE, "matplotlib", "numba", "pandas", "pint", "skopt", "sklearn"}

NOT_AT_IMPORT = {
    "beamline.cli": HEAVY,
    "beamline.recipe": {*HEAVY, "numpy", "scipy"},
    "beamline.problems": {*HEAVY, "numpy", "scipy"},
    "beamline.campaign": HEAVY,
    "beamline.records": {"tiled", "databroker", "pandas", "matplotlib", "numba"},
    "beamline.analysis": HEAVY,
    "beamline.optimize": HEAVY,
    "beamline.physics": HEAVY - {"numba"},
    "beamline.report": HEAVY,
    "devices": HEAVY,
    "devices.protocols": HEAVY,
}
"""What each room may not load before it is used."""


@pytest.mark.parametrize("module", NOT_AT_IMPORT)
def test_importing_a_room_is_cheap(module: str) -> None:
    code = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert NOT_AT_IMPORT[module] & set(json.loads(done.stdout)) == set()


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [path for name in done.stdout.split("\0") if name and (path := REPOSITORY / name).is_file()]


def test_no_file_names_a_folder_of_a_machine() -> None:
    home = re.compile(r"(?<![\w.])/(home|root|Users)/[A-Za-z]")
    found = []
    for path in _tracked():
        text = path.read_bytes().decode("utf-8", errors="replace")
        if home.search(text) or str(REPOSITORY) in text:
            found.append(str(path.relative_to(REPOSITORY)))
    assert found == []


# ---------------------------------------------------------------------------------------------------------- versions
def _pins() -> dict[str, Version]:
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {}
    for line in lines:
        if line.startswith("#"):
            continue
        name, _, version = line.partition("==")
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name), f"not a plain name: {line}"
        pins[canonicalize_name(name)] = Version(version)
    return pins


def _requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for text in [*PROJECT["dependencies"], *(t for extra in extras for t in extra)]]


@pytest.mark.parametrize("requirement", _requirements(), ids=lambda requirement: requirement.name)
def test_every_requirement_is_pinned_to_a_version_that_meets_it(requirement: Requirement) -> None:
    pins = _pins()
    assert canonicalize_name(requirement.name) in pins
    assert pins[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_citation_names_this_version_and_the_paper() -> None:
    text = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {PROJECT['version']}\n" in text
    assert "10.1002/lpor.202401258" in text
