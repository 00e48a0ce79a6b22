"""The catalogue of errors: each class of ours, what it means and what to do, in the words of its docstring.

The code is read and not imported, so that the page does not depend on what is installed.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tables import first_paragraph, one_line, table

__all__ = ["INTERNAL", "ErrorClass", "error_classes", "errors_page"]

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("devices", "plans", "beamline")

INTERNAL = {
    "DiskWaitError": "becomes a LogWriteError before anybody sees it",
    "LeftOutError": "what the policy gives up, told to the plan; the records say it in words",
    "ObpError": "of the simulated counter's wire, answered there",
    "RejectedError": "of the simulated stage's wire, answered there",
    "ReconstructedWarning": "a warning, which says itself what to take instead",
}
"""Classes that nobody meets, and why."""

HEAD = """# Errors

Made from the code by `python docs/generate`; a test holds it current. Each class of error that may be met, what it means,
and what to do. The message of an error says which device, file or value, what is allowed, and the unit; this page says what
kind of thing it is. In a session `%tb` shows where it came from; for a command the message is all, and its [exit
code](commands.md#exit-codes) says whose turn it is.
"""

ELSEWHERE = (
    (
        "`LimitError`",
        "A value beyond the limits of a signal; nothing has moved",
        "keep to what the message allows; [limits](signals.md)",
    ),
    (
        "`FailedStatus`",
        "What a plan waited for has failed; its cause is one of ours",
        "read the cause, which the message names",
    ),
    (
        "`RunEngineInterrupted`",
        "A plan was paused",
        "`RE.resume()` or `RE.abort()`: [which](../how-to/at-the-instrument.md#ctrl-c-and-what-then)",
    ),
    ("`IllegalMessageSequence`", "A plan opens a run within a run, or reads outside of one", "mend the plan"),
)
"""Of Bluesky and ophyd: what is met of theirs."""


@dataclass(frozen=True)
class ErrorClass:
    """A class of error as its code says it."""

    name: str
    bases: tuple[str, ...]
    room: str
    means: str
    to_do: str


def error_classes() -> list[ErrorClass]:
    """All of them, in the order of rooms and files."""
    classes = [one for package in PACKAGES for one in _of_package(package)]
    known = {
        "Exception",
        "ValueError",
        "RuntimeError",
        "UserWarning",
        "KeyError",
        "TypeError",
        "LookupError",
        "OSError",
    }
    found: list[ErrorClass] = []
    while fresh := [one for one in classes if one not in found and known & set(one.bases)]:
        found += fresh
        known |= {one.name for one in fresh}
    return [one for one in classes if one in found]


def errors_page() -> str:
    """The page, as Markdown."""
    rooms: dict[str, list[ErrorClass]] = {}
    for one in error_classes():
        if not one.name.startswith("_") and one.name not in INTERNAL:
            rooms.setdefault(one.room, []).append(one)
    parts = [HEAD, f"## Of Bluesky and ophyd\n\n{table(('error', 'means', 'to do'), ELSEWHERE)}"]
    for room, classes in rooms.items():
        rows = [(f"`{one.name}`", one.means, one.to_do, _kind(one)) for one in classes]
        parts.append(f"## {room}\n\n{table(('error', 'means', 'to do', 'is a'), rows)}")
    return "\n".join(parts)


def _kind(one: ErrorClass) -> str:
    return ", ".join(f"`{base}`" for base in one.bases)


def _of_package(package: str) -> Iterator[ErrorClass]:
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        room = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts[: 1 if package != "beamline" else 2])
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.bases:
                about = inspect.cleandoc(ast.get_docstring(node) or "")
                to_do = next((p for p in about.split("\n\n") if p.startswith("To do: ")), "")
                bases = tuple(ast.unparse(base).rpartition(".")[2] for base in node.bases)
                wanted = one_line(to_do.removeprefix("To do: ")).removesuffix(".")
                yield ErrorClass(node.name, bases, room, first_paragraph(about), wanted)
