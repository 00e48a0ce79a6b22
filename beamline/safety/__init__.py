"""The software's own layer of safety: safe state, signals that lead to it, monitors over a plan, and the watchdog."""

from beamline.safety.aborting import EngineAbort
from beamline.safety.asked import AskedMonitor, pause_here
from beamline.safety.conditions import DiskSpace, bench_monitors
from beamline.safety.monitors import Finding, MonitorError, Monitors, Pause, guarded
from beamline.safety.safe_state import SafeStep, make_safe, safe_state_plan
from beamline.safety.signals import AbortOnSignal, describe_signal
from beamline.safety.watch import Watch, watchdog_journal

__all__ = [
    "AbortOnSignal",
    "AskedMonitor",
    "DiskSpace",
    "EngineAbort",
    "Finding",
    "MonitorError",
    "Monitors",
    "Pause",
    "SafeStep",
    "Watch",
    "bench_monitors",
    "describe_signal",
    "guarded",
    "make_safe",
    "pause_here",
    "safe_state_plan",
    "watchdog_journal",
]
