"""The pages about devices say what is so: their code runs, and what they name is the code's."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from devices import CAPABILITIES, Bench
from devices.twin import Effects

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = (DOCS / "reference" / "devices.md").read_text(encoding="utf-8")


def test_the_code_of_the_reference_runs() -> None:
    namespace: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", REFERENCE, flags=re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, "docs/reference/devices.md", "exec"), namespace)  # noqa: S102  # our own page
    bench = namespace["bench"]
    assert isinstance(bench, Bench)
    assert bench.clock.now_s > 2 * 3600
    assert bench.spectrometer.counts.get().max() > 1000
    assert bench.furnace.heater.get() == "standby"


def test_the_reference_names_every_capability_and_who_has_it() -> None:
    for role, capabilities in CAPABILITIES.items():
        for capability in capabilities:
            assert f"| {role} | `{capability}` |" in REFERENCE


def test_the_page_of_the_twin_names_every_effect() -> None:
    page = (DOCS / "explanation" / "twin.md").read_text(encoding="utf-8")
    in_words = {"energy_return_h", "photobrightening_time_s", "read_noise_counts", "pixel_gain_sd"}
    in_words |= {"dark_pattern_sd_counts", "nonlinearity"}
    for effect in dataclasses.fields(Effects):
        assert effect.name in in_words or f"`{effect.name}`" in page
