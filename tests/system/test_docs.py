"""The pages are true: links lead somewhere, code runs, campaign files load, commands exist.

What a fenced block must stand up to, by its first line:

- ` ```python `: the blocks of a page run one after the other, in one process, in an empty folder. `python no-run` is only
  compiled: for what needs an instrument or an hour.
- ` ```toml `: it parses; one that holds a `[[coupon]]` is a campaign file that loads. `toml file=NAME` is there, under this
  name, for the commands of its page.
- ` ```console `: every `$ vitrail ...` names a command with its options, every `$ make ...` a target. In a `console run`
  block the lines are run too, and the output that the page shows must come, line by line. A block of
  `console run nightly` takes a minute.
- ` ```text session `: what a person types into `vitrail shell`, after `In: `, and of what comes the lines that the page shows, in
  this order. The blocks of a page are one session.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from markdown_it import MarkdownIt

from beamline.campaign import parse_campaign
from beamline.cli import main

REPOSITORY = Path(__file__).parents[2]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "tests" / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
MAKE_TARGETS = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    words: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def _blocks(*languages: str) -> list[Block]:
    blocks = []
    for page in PAGES:
        for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
            words = tuple(token.info.split())
            if token.type == "fence" and words and words[0] in languages and token.map:
                blocks.append(Block(page, token.map[0] + 1, words, token.content))
    return blocks


def _pages_with(*languages: str) -> list[Path]:
    return list(dict.fromkeys(block.page for block in _blocks(*languages)))


def _name(value: Any) -> str:
    return str(value.relative_to(REPOSITORY)) if isinstance(value, Path) else str(value)


# ------------------------------------------------------------------------------------------------------------- links
def _anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if not target or re.match(r"[a-z]+:", str(target)):
                continue
            path, _, anchor = str(target).partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists() or (anchor and anchor not in _anchors(file)):
                lost.append(target)
    assert lost == []


def test_every_page_can_be_reached_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [REPOSITORY / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or not page.is_file() or page.suffix != ".md":
            continue
        seen.add(page)
        for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
            for child in token.children or ():
                target = str(child.attrGet("href") or "").partition("#")[0]
                if target and ":" not in target:
                    waiting.append((page.parent / target).resolve())
    assert sorted(set((REPOSITORY / "docs").rglob("*.md")) - seen) == []


# ------------------------------------------------------------------------------------------------------------ python
@pytest.mark.parametrize("page", _pages_with("python"), ids=_name)
def test_python_runs(page: Path, tmp_path: Path) -> None:
    pieces = []
    for block in _blocks("python"):
        if block.page == page:
            compile(block.text, str(block), "exec")
            if "no-run" not in block.words:
                pieces.append("\n" * (block.line - sum(p.count("\n") for p in pieces)) + block.text)
    script = tmp_path / "page.py"
    script.write_text("".join(pieces), encoding="utf-8")
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path / "empty",
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, f"{_name(page)} (line numbers are those of the page)\n{done.stderr}"


# -------------------------------------------------------------------------------------------------------------- toml
@pytest.mark.parametrize("block", _blocks("toml"), ids=_name)
def test_toml_loads(block: Block) -> None:
    content = tomllib.loads(block.text)
    if "coupon" in content:
        parse_campaign(block.text, str(block))


# ----------------------------------------------------------------------------------------------------------- console
@pytest.mark.parametrize("block", _blocks("console"), ids=_name)
def test_commands_exist(block: Block) -> None:
    commands = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
    assert commands, "a console block shows commands after `$ `"
    for command in commands:
        words = shlex.split(command, comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        if words[0].rpartition("/")[2] == "vitrail":
            _resolve(main, words[1:])
        elif words[0] == "make":
            assert {w for w in words[1:] if "=" not in w and not w.startswith("-")} <= MAKE_TARGETS, command


def _resolve(command: click.Command, words: list[str]) -> None:
    """Follow the words of a command line through click's groups, and look up its options."""
    options = {name: p for p in command.params for name in (*p.opts, *p.secondary_opts) if isinstance(p, click.Option)}
    options |= dict.fromkeys(["--help", "-h", "--version"])
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            name, has_value, _ = word.partition("=")
            assert name in options, f"{command.name} has no {name}"
            option = options[name]
            if option is not None and not option.is_flag and not has_value:
                assert words, f"{name} wants a value"
                words.pop(0)
        elif isinstance(command, click.Group):
            assert word in command.commands, f"{command.name} has no command {word}"
            _resolve(command.commands[word], words)
            return


def _to_be_run() -> list[Any]:
    marks = {True: [pytest.mark.nightly], False: []}
    blocks = [block for block in _blocks("console") if "run" in block.words[1:]]
    return [pytest.param(block, marks=marks["nightly" in block.words]) for block in blocks]


@pytest.mark.parametrize("block", _to_be_run(), ids=_name)
def test_commands_run_and_say_what_the_page_shows(block: Block, tmp_path: Path) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "120",
    }
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    for file in _blocks("toml"):
        for word in file.words[1:]:
            if file.page == block.page and word.startswith("file="):
                (tmp_path / word.removeprefix("file=")).write_text(file.text, encoding="utf-8")
    for piece in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = piece.partition("\n")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        said = (done.stdout + done.stderr).splitlines()
        for line in filter(None, (line.rstrip() for line in shown.splitlines())):
            pattern = re.escape(line).replace(re.escape("..."), ".*")
            assert any(re.fullmatch(pattern, s.rstrip()) for s in said), f"{command}: not said: {line}\n" + "\n".join(
                said
            )


# ----------------------------------------------------------------------------------------------------------- session
def _sessions() -> dict[Path, list[str]]:
    """Lines of the blocks of a session, by page."""
    found: dict[Path, list[str]] = {}
    for block in _blocks("text"):
        if "session" in block.words:
            found.setdefault(block.page, []).extend(block.text.splitlines())
    return found


@pytest.mark.parametrize("page", _sessions(), ids=_name)
def test_a_session_goes_as_the_page_shows(page: Path, tmp_path: Path) -> None:
    lines = _sessions()[page]
    typed = [line.removeprefix("In: ") for line in lines if line.startswith("In: ")]
    shown = [line for line in lines if line and not line.startswith("In: ")]
    assert typed
    assert shown
    done = subprocess.run(
        [sys.executable, "-c", "from beamline.cli import main; main()", "shell", "\n".join(typed)],
        cwd=tmp_path,
        env=os.environ | {"NO_COLOR": "1", "IPYTHONDIR": str(tmp_path / "ipython")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    said = iter([*done.stdout.splitlines(), *done.stderr.splitlines()])
    for line in shown:
        pattern = re.escape(line.rstrip()).replace(re.escape("..."), ".*")
        assert any(re.fullmatch(pattern, one.rstrip()) for one in said), (
            f"not said, or not here: {line}\n{done.stdout}{done.stderr}"
        )
