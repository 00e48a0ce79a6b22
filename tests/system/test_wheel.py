"""The built wheel holds the three packages, whole and alone, and works from any folder.

Nothing is downloaded: the wheel is built with the tools of this environment and installed into an empty one that borrows
this one's dependencies through a `.pth` file.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("beamline", "devices", "plans")


def _tracked(*paths: str) -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "-z", "--", *paths], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return [name for name in done.stdout.split("\0") if name and (REPOSITORY / name).exists()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the tracked files, built outside the repository."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in _tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, source / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = target.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the commands of an environment that holds the wheel and nothing else of this project."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet", wheel]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    borrowed = sysconfig.get_paths()["purelib"]
    site = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    (site / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    return environment / "bin"


def test_the_wheel_holds_every_tracked_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == set(_tracked(*PACKAGES))
    assert {f"{package}/py.typed" for package in PACKAGES} <= names


def test_the_wheel_states_licence_command_and_version(wheel: Path) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            name.rpartition(".dist-info/")[2]: archive.read(name).decode()
            for name in archive.namelist()
            if ".dist-info/" in name
        }
    assert texts["licenses/LICENSE"].startswith("BSD 3-Clause License")
    assert "vitrail = beamline.cli:main" in texts["entry_points.txt"]
    assert set(texts["top_level.txt"].split()) == set(PACKAGES)
    assert f"Version: {project['version']}\n" in texts["METADATA"]


def test_the_installed_command_works_from_another_folder(installed: Path, tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "examples" / "night.toml", tmp_path)

    def run(*arguments: str) -> str:
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = run(str(installed / "python"), "-c", "import beamline, devices, plans; print(beamline.__file__)")
    assert Path(where.strip()).is_relative_to(installed.parent)  # not the folder that the tests run in
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] in run(str(installed / "vitrail"), "--version")
    assert "6 coupons" in run(str(installed / "vitrail"), "campaign", "check", "night.toml")
    assert [path.name for path in tmp_path.iterdir()] == ["night.toml"]
