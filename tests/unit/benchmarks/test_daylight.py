"""The decoder reads the code from pictures under ultraviolet light, and not by daylight (P33)."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.mark.nightly
def test_a_code_is_read_under_ultraviolet_light_and_not_by_daylight(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(sys, "argv", ["daylight.py", "1"])
    importlib.import_module("daylight").main()
    said = capsys.readouterr().out
    assert "white: read in 0 of 1" in said
    assert "uv_365nm: read in 1 of 1" in said
