"""The software's own layer of safety: the safe state, and the signals that lead to it."""

from beamline.safety.safe_state import SafeStep, make_safe, safe_state_plan
from beamline.safety.signals import AbortOnSignal, describe_signal

__all__ = ["AbortOnSignal", "SafeStep", "describe_signal", "make_safe", "safe_state_plan"]
