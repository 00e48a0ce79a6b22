"""Tab completion that says unit and bounds of each signal, from what the devices are made of: nothing is read.

`laser.<Tab>` lists its signals, then its methods; `%mov <Tab>` lists what can be moved, and after a name what it takes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from beamline.shell.signals import choices_of, movables, parts, signal_words

if TYPE_CHECKING:
    from devices import Bench

__all__ = ["complete_devices", "install_completion"]

_DOTTED = re.compile(r"(?:^|[^\w.])((?:bench\.)?(\w+)\.)(\w*)$")
_MOVED = re.compile(r"^\s*%?(mov|movr)\s+(.*)$")


def complete_devices(bench: Bench, line: str) -> tuple[str, list[tuple[str, str]]]:
    """What may follow at the end of a line.

    Args:
        bench: whose devices.
        line: up to the cursor.

    Returns:
        The piece of the line that is completed, and what it may become with a word on each; none where it is no device's.
    """
    if moved := _MOVED.match(line):
        return _argument(bench, moved[2])
    if (dotted := _DOTTED.search(line)) and dotted[2] in bench.roles:
        typed = dotted[3]
        found = _attributes(bench.roles[dotted[2]])
        return dotted[1] + typed, [(dotted[1] + name, about) for name, about in found if name.startswith(typed)]
    return "", []


def _argument(bench: Bench, text: str) -> tuple[str, list[tuple[str, str]]]:
    """Names and values take turns after `%mov`."""
    words = text.split()
    piece = words.pop() if words and not text.endswith(" ") else ""
    known = movables(bench)
    if len(words) % 2 == 0:
        return piece, [(name, signal_words(signal)) for name, signal in known.items() if name.startswith(piece)]
    signal = known.get(words[-1])
    if signal is None or piece:
        return piece, []
    values = list(choices) if (choices := choices_of(signal)) else [f"{bound:.10g}" for bound in signal.limits]
    return piece, [(value, signal_words(signal)) for value in values]


def _attributes(device: Any) -> Iterable[tuple[str, str]]:
    for name, signal in parts(device):
        if name:
            yield name, signal_words(signal)
    for name, member in inspect.getmembers_static(type(device)):
        if not name.startswith("_") and inspect.isfunction(member) and type(device).__module__.startswith("devices"):
            home = getattr(member, "__module__", "")
            if home.startswith("devices"):
                yield name, (inspect.getdoc(member) or "method").splitlines()[0]


def install_completion(shell: Any, bench: Bench) -> None:
    """Put it into an IPython shell, before its own."""
    from IPython.core.completer import (  # noqa: PLC0415  # not needed for what is above
        CompletionContext,
        SimpleCompletion,
        SimpleMatcherResult,
        context_matcher,
    )

    @context_matcher()  # type: ignore[untyped-decorator]
    def device_matcher(context: CompletionContext) -> SimpleMatcherResult:
        line = context.text_until_cursor
        piece, found = complete_devices(bench, line)
        result: SimpleMatcherResult = {
            "completions": [SimpleCompletion(text=text, type=about) for text, about in found],
            "matched_fragment": piece,
            "ordered": True,
            "suppress": bool(found),
        }
        return result

    shell.Completer.custom_matchers.insert(0, device_matcher)
