"""Whatever an impatient person types wrongly: exit code 2, words that say what is wrong, no traceback, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from beamline.cli import main

WRONG = {
    "campaign run nothere.toml": "nothere.toml: there is no such file",
    "campaign check broken.toml": "coupon: is missing; give at least one [[coupon]]",
    "campaign check notoml.toml": "this is not TOML",
    "campaign check binary.toml": "byte 1 is not UTF-8",
    "campaign check folder": "this is a folder",
    "campaign run broken.toml --seed x": "'x' is not a valid integer",
    "campaign status nobody": "no campaign nobody",
    "campaign resume nobody": "it holds none yet; `vitrail campaign run FILE` makes one",
    "campaign report nobody": "no campaign nobody",
    "campaign compare one": "two campaigns or more",
    "campaign decide nobody": "no campaign nobody",
    "campaign pause": "no campaign",
    "campaign stop nobody": "no campaign nobody",
    "campaign learned nobody": "no campaign nobody",
    "campaign new none/mine.toml": "none/mine.toml: cannot be written: No such file or directory",
    "physics parameters --out none/p.toml": "--out none/p.toml: cannot be written: No such file or directory",
    "campaign runn": "Did you mean 'run'?",
    "coupons nothing": "No such command",
    "coupons mark C1 melted --reason x": "'melted' is not one of",
    "records check": "holds no logs of runs",
    "records rebuild": "holds no logs of runs",
    "replay nobody": "`vitrail records list` shows those there are",
    "export csv nobody --out tables": "no campaign nobody",
    "export nexus nobody --out one.nxs": "no campaign nobody",
    "export crate nobody --out c": "Missing option '--license'",
    "import none.csv --by me": "none.csv",
    "reproduce nothing": "no observation of the paper",
    "study nothere.toml": "there is no such file",
    "study broken.toml --jobs x": "'x' is not a valid integer",
    "twin serve --speed 0": "0.0 is not in the range",
    "twin faults nose": "no role nose; there are laser",
    "web": "there is no such folder",
    "nonsense": "No such command 'nonsense'",
}


@pytest.mark.parametrize("words", WRONG)
def test_it_is_refused_in_words(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.toml").write_text("name = 3\n")
    (tmp_path / "notoml.toml").write_text("[[[")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    done = CliRunner().invoke(main, words.split(), catch_exceptions=False)
    assert done.exit_code == 2, done.output
    assert WRONG[words] in done.stderr
    assert done.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before
