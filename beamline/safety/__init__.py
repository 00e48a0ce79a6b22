"""The software's own layer of safety: the safe state, the signals that lead to it, and the watchdog beside the engine."""

from beamline.safety.aborting import EngineAbort
from beamline.safety.safe_state import SafeStep, make_safe, safe_state_plan
from beamline.safety.signals import AbortOnSignal, describe_signal
from beamline.safety.watch import Watch, watchdog_journal

__all__ = [
    "AbortOnSignal",
    "EngineAbort",
    "SafeStep",
    "Watch",
    "describe_signal",
    "make_safe",
    "safe_state_plan",
    "watchdog_journal",
]
