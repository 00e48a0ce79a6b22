"""Reading a campaign file, and refusing a bad one with one clear message for each mistake.

The file is untrusted input: its size is bounded before it is parsed, and nothing in it is run.
"""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from beamline.campaign.file import Campaign
from beamline.problems import Problem, explain

__all__ = ["MAX_FILE_BYTES", "CampaignFileError", "load_campaign", "parse_campaign"]

MAX_FILE_BYTES = 256 * 1024
"""A campaign of 1000 coupons takes about 60 kB."""

MAX_LINE_CHARACTERS = 1000
"""The parser's time grows with the square of the length of a dotted key; no line of a campaign is near this."""

MAX_PROBLEMS_SHOWN = 20


class CampaignFileError(ValueError):
    """A campaign file that cannot be used; `problems` holds one for each mistake."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        """Args: source: the file's name as the user gave it. problems: at least one."""
        lines = [f"{source}: {problem}" for problem in problems[:MAX_PROBLEMS_SHOWN]]
        if len(problems) > MAX_PROBLEMS_SHOWN:
            lines.append(f"{source}: and {len(problems) - MAX_PROBLEMS_SHOWN} more")
        super().__init__("\n".join(lines))
        self.source = source
        self.problems = tuple(problems)


def load_campaign(path: Path | str) -> Campaign:
    """Read and check a campaign file.

    Raises:
        CampaignFileError: it cannot be read, is not TOML, or says something that is not allowed.
    """
    source = str(path)
    content = _content(Path(path), source)
    if len(content) > MAX_FILE_BYTES:
        limit = f"{MAX_FILE_BYTES // 1024} KiB"
        raise _refused(source, f"the file is larger than {limit}, more than any campaign needs: is it the right file?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        advice = "save the file as UTF-8 text"
        raise _refused(source, f"byte {error.start + 1} is not UTF-8; {advice}") from None
    return parse_campaign(text, source)


def _content(path: Path, source: str) -> bytes:
    """The file's first bytes, one more than are allowed at most."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise _refused(source, "there is no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise _refused(source, f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
    raise _refused(source, f"this is {what}; give the path of a campaign file (TOML)")


def parse_campaign(text: str, source: str = "campaign") -> Campaign:
    """Check the text of a campaign file; `source` is how the messages call it.

    Raises:
        CampaignFileError: it is not TOML, or says something that is not allowed.
    """
    return _validated(_parsed(text, source), source)


def _parsed(text: str, source: str) -> dict[str, Any]:
    if not text.strip():
        raise _refused(source, "the file is empty; docs/how-to/write-a-campaign-file.md shows what to write")
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise _refused(
                source, f"line {number} is longer than {MAX_LINE_CHARACTERS} characters: is it the right file?"
            )
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _refused(source, "this is no campaign file: brackets are nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        printable = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(error))
        raise _refused(source, f"this is not TOML: {printable}") from None


def _validated(content: dict[str, Any], source: str) -> Campaign:
    try:
        return Campaign.model_validate(content)
    except ValidationError as error:
        raise CampaignFileError(source, explain(error, Campaign)) from None


def _refused(source: str, text: str) -> CampaignFileError:
    return CampaignFileError(source, [Problem("", text)])
