"""Nobody but the twin reads its truth: not by import, not by name, not through a driver."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices import DiscreteEventClock, make_bench
from devices.twin import Effects, build_twin
from devices.twin.coupon import GlassCoupon
from devices.twin.truth import CouponTruth, Truth
from devices.twin.world import World

from .conftest import COUPONS

ROOT = Path(__file__).parents[3]
SECRETS = (Truth, CouponTruth, World, GlassCoupon, Effects)
MAY_KNOW_THE_TWIN = {ROOT / "beamline" / "session.py", ROOT / "benchmarks" / "pictures.py"}
"""Sessions build it; the benchmark of pictures builds it with one effect switched off, and compares."""
TRUTH_WORDS = {"_World__truth", "_truth", "_world", "CouponTruth", "GlassCoupon"}
"""Names on the way from a driver to the truth."""


def sources() -> Iterator[Path]:
    """Every source of the project outside the twin, and outside the tests of the twin."""
    for folder in ("beamline", "devices", "plans", "profile", "examples", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if (ROOT / "devices" / "twin") not in path.parents:
                yield path


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield base
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def test_the_scan_sees_what_it_must_not_find() -> None:
    tree = ast.parse(
        "from devices.twin import World\nfrom .twin import x\nimport devices.twin.truth\nworld._World__truth"
    )
    assert sum("twin" in name.split(".") for name in imported(tree)) == 5
    assert any(isinstance(node, ast.Attribute) and node.attr in TRUTH_WORDS for node in ast.walk(tree))
    assert len(list(sources())) > 30


@pytest.mark.parametrize("path", list(sources()), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_knows_the_twin_or_its_truth(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if path not in MAY_KNOW_THE_TWIN:
        assert not [name for name in imported(tree) if "twin" in name.split(".")]
    for node in ast.walk(tree):
        assert getattr(node, "attr", None) not in TRUTH_WORDS
        assert not (isinstance(node, ast.Constant) and node.value in TRUTH_WORDS)  # getattr by name
    # Who may know the twin may build it and put it on the wire, and no more.
    inside = {name.removeprefix("devices.twin.") for name in imported(tree) if name.startswith("devices.twin.")}
    assert inside <= {"build_twin", "Effects", "wire", "wire.serve_twin"}


def public(thing: Any, seen: set[int], depth: int = 0) -> Iterator[Any]:
    """Everything that can be reached through public attributes."""
    if id(thing) in seen or depth > 6 or isinstance(thing, (str, bytes, int, float, bool, np.ndarray, type(None))):
        return
    seen.add(id(thing))
    yield thing
    if isinstance(thing, (list, tuple, set)):
        members = list(thing)
    elif isinstance(thing, dict):
        members = list(thing.values())
    else:
        members = [getattr(thing, name) for name in dir(thing) if not name.startswith("_")]
    for member in members:
        yield from public(member, seen, depth + 1)


def test_nothing_of_the_truth_can_be_reached_through_a_driver() -> None:
    drivers = build_twin(1, COUPONS, DiscreteEventClock())
    reached = list(public(drivers, set()))
    assert len(reached) > 20
    assert not [thing for thing in reached if isinstance(thing, SECRETS)]


def test_nothing_of_the_truth_stands_in_the_documents_of_a_device() -> None:
    bench = make_bench(build_twin(1, COUPONS, DiscreteEventClock()), DiscreteEventClock())
    for role in (bench.laser, bench.stage, bench.furnace, bench.spectrometer, bench.changer):
        text = repr(
            [role.describe(), role.describe_configuration(), role.read_configuration(), repr(role), role.driver]
        )
        assert "ruth" not in text
        assert "ffects" not in text


@pytest.mark.parametrize("module", ["devices.twin", "devices.protocols", "devices.geometry", "devices.clock"])
def test_drivers_and_twin_load_neither_ophyd_nor_bluesky_nor_numba(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('ophyd', 'bluesky', 'numba', 'tiled') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_ophyd_starts_with_its_dummy_layer() -> None:
    code = "import devices.laser, ophyd; print(ophyd.get_cl().name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env={})
    assert done.stdout.strip() == "dummy"


def test_the_room_names_what_it_offers() -> None:
    import devices

    assert set(devices.__all__) == set(devices._HOME)
    for name in devices.__all__:
        value = getattr(devices, name)
        assert name in {"CAPABILITIES", "Capability", "Station"} or value.__module__.startswith("devices.")
    with pytest.raises(AttributeError, match="no attribute 'World'"):
        devices.World  # noqa: B018
