"""The magics that move and measure: `%wa`, `%mov`, `%movr`, `%ct`; and those that look things up: `%coupon`, `%site`."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from beamline.session import Session
from beamline.shell.signals import choices_of, movables, signal_words
from beamline.shell.where import where_text

__all__ = ["BenchMagics"]


@magics_class
class BenchMagics(Magics):
    """What acts on the bench of a session.

    Args:
        shell: IPython's.
        session: the instrument.
    """

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self._session = session

    @line_magic
    def wa(self, line: str) -> None:
        """Where everything is: `%wa`, or `%wa laser furnace`."""
        try:
            _say(where_text(self._session.bench, line.replace(",", " ").split()))
        except ValueError as error:
            raise UsageError(str(error)) from None

    @line_magic
    def mov(self, line: str) -> None:
        """Move, and wait until it is there: `%mov laser.pulse_energy_uJ 120`, `%mov stage.x_mm 20 stage.y_mm 30`."""
        self._move(line, is_relative=False)

    @line_magic
    def movr(self, line: str) -> None:
        """Move by so much from where it is: `%movr stage.x_mm 0.5`."""
        self._move(line, is_relative=True)

    @line_magic
    def ct(self, line: str) -> None:
        """Measure: `%ct` takes one spectrum, `%ct 5` five of them, `%ct 2 lifetime` two decays, `%ct camera` a picture."""
        from bluesky.plans import count  # noqa: PLC0415  # the engine has loaded it by now

        words = line.replace(",", " ").split()
        number = int(words.pop(0)) if words and words[0].isdigit() else 1
        if number < 1:
            raise UsageError("%ct: at least one reading is wanted")
        roles = self._session.bench.roles
        known: dict[str, Any] = {name: roles[name] for name in ("spectrometer", "lifetime", "camera") if name in roles}
        if unknown := [word for word in words if word not in known]:
            raise UsageError(f"%ct: {', '.join(unknown)} measures nothing; there are {', '.join(known)}")
        chosen = [known[name] for name in words or ["spectrometer"]]
        self._session.RE(count(chosen, num=number))
        for device in chosen:
            signal = device.image if device.name == "camera" else device.counts
            counts = signal.get()
            _say(
                f"{device.name}: {counts.size} {signal.egu}, {counts.min():.4g} to {counts.max():.4g}; {_light(device)}"
            )

    def _move(self, line: str, *, is_relative: bool) -> None:
        from bluesky.plan_stubs import mv, mvr  # noqa: PLC0415  # the engine has loaded it by now

        known = movables(self._session.bench)
        words = line.replace(",", " ").split()
        what = "%movr" if is_relative else "%mov"
        if not words or len(words) % 2:
            raise UsageError(f"{what}: a name and a value, or several: {what} laser.pulse_energy_uJ 120")
        moves: list[Any] = []
        for name, text in zip(words[::2], words[1::2], strict=True):
            if name not in known:
                raise UsageError(f"{what}: {name} cannot be moved; there are {', '.join(known)}")
            moves += [known[name], self._value(known[name], name, text)]
        self._session.RE((mvr if is_relative else mv)(*moves))
        for name in dict.fromkeys(words[::2]):
            signal = known[name]
            value = signal.position if hasattr(signal, "position") else signal.get()
            shown = f"{value:.10g}" if isinstance(value, float) else str(value)
            _say(f"{name} = {shown} {getattr(signal, 'egu', '')}".rstrip())

    def _value(self, signal: Any, name: str, text: str) -> float | str:
        """A number, one of the choices, or an expression of what the session knows, without blanks."""
        if choices_of(signal):
            return text
        try:
            return float(text)
        except ValueError:
            pass
        try:
            return float(eval(text, self._names()))  # noqa: S307  # it was typed at a Python prompt
        except Exception as error:  # noqa: BLE001  # whatever was typed
            raise UsageError(f"{name}: {text!r} is no number ({error}); {signal_words(signal)}") from None

    def _names(self) -> dict[str, Any]:
        names: dict[str, Any] = self.shell.user_ns if self.shell is not None else {}
        return names


def _light(device: Any) -> str:
    """Whether there was anything to excite with: counts are raw, and without light they are dark counts."""
    for name in ("lamp", "excitation", "illumination"):
        if hasattr(device, name):
            return f"{name} {getattr(device, name).get()}"
    return ""


def _say(text: str) -> None:
    print(text)  # noqa: T201  # a magic answers on the terminal
