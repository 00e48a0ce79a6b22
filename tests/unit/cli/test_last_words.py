"""The last words of a night say what happened, whatever characters the reason holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_campaigns import small_campaign

from beamline.campaign import parse_campaign
from beamline.cli.running import run_campaign
from beamline.instrument import Instrument
from beamline.night import NightOutcome
from beamline.safety import SafeStep

CAMPAIGN = small_campaign("n")


@pytest.mark.parametrize("reason", ["bus [/dev/ttyUSB0] is [red]dead", "[/]", "no brackets"])
def test_a_bracket_in_a_reason_is_a_bracket(
    reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def night(*_: Any, **__: Any) -> NightOutcome:
        return NightOutcome("0123456789", "fail", reason, 0, 60.0, (SafeStep("laser output closed"),))

    monkeypatch.setattr("beamline.night.run_night", night)
    code, summary = run_campaign(
        parse_campaign(CAMPAIGN),
        Instrument(),
        tmp_path / "data [b]",
        after=None,
        catalog=False,
        with_report=False,
        again=["vitrail", "campaign", "run", "n.toml"],
    )
    assert code == 1
    assert json.dumps(summary)
    said = capsys.readouterr().err
    assert f"n failed: {reason} (0 coupons, 0:01 h on the bench's clock)" in said
    assert "laser output closed" in said
    assert "or:      vitrail campaign run n.toml --after 01234567" in said
