"""Two readers while a night runs: no error in either, and each sees each finished run soon."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(300)

LIMIT_S = 20.0
"""Patience for a machine that does much else; `python tests/system/two_readers.py` prints how soon it is on a quiet one."""

spec = importlib.util.spec_from_file_location("two_readers", Path(__file__).with_name("two_readers.py"))
assert spec is not None
assert spec.loader is not None
two_readers: Any = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = two_readers
spec.loader.exec_module(two_readers)


def test_two_readers_follow_a_night(tmp_path: Path) -> None:
    followed = two_readers.follow(tmp_path, 0.3, n_coupons=1)
    print(followed)  # noqa: T201  # pytest -rP shows it
    assert followed.seen_lags[-1] < LIMIT_S
    assert followed.read_lags[-1] < LIMIT_S
