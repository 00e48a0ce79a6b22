"""The synthetic runs, and a comparison that takes NaN for NaN."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest


def _load() -> ModuleType:
    path = Path(__file__).with_name("synthetic.py")
    spec = importlib.util.spec_from_file_location("records_synthetic", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    return _load()


def same(first: Any, second: Any) -> bool:
    """Equal in type and value; tuples count as lists, NaN as equal to NaN, and arrays must agree to the bit."""
    if isinstance(first, np.ndarray | np.generic):
        return (
            isinstance(second, np.ndarray | np.generic)
            and first.dtype == second.dtype
            and first.shape == second.shape
            and first.tobytes() == second.tobytes()
        )
    if isinstance(first, list | tuple):
        return isinstance(second, list) and len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return (
            isinstance(second, dict) and list(first) == list(second) and all(same(first[k], second[k]) for k in first)
        )
    if isinstance(first, complex):
        return isinstance(second, complex) and same(first.real, second.real) and same(first.imag, second.imag)
    if isinstance(first, float) and math.isnan(first):
        return isinstance(second, float) and math.isnan(second)
    return type(first) is type(second) and first == second


@pytest.fixture(scope="session")
def is_same() -> Any:
    return same
