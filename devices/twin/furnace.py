"""The twin's furnace driver: the controller of the world's oven."""

from __future__ import annotations

from devices.capabilities import Capability

from .world import World

__all__ = ["TwinFurnace"]


class TwinFurnace:
    """A `devices.protocols.FurnaceDriver`.

    Args:
        world: whose oven it controls.
    """

    is_sensor_ok = True

    capabilities: frozenset[Capability] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def temperature_C(self) -> float:
        """What the sensor reads, degC; a new value every 5 s."""
        oven = self._world.oven
        oven.advance(self._world.clock.now_s)
        return oven.sensor_C

    @property
    def setpoint_C(self) -> float:
        """The working setpoint, degC."""
        return self._world.oven.setpoint_C(self._world.clock.now_s)

    @property
    def target_C(self) -> float:
        """Where the ramp ends, degC."""
        return self._world.oven.target_C

    @property
    def is_on(self) -> bool:
        """Whether the heater is under control."""
        return self._world.oven.is_on

    def start_ramp(self, target_C: float, ramp_C_min: float) -> None:
        """Heater on, working setpoint on its way."""
        self._world.oven.start_ramp(self._world.clock.now_s, target_C, ramp_C_min / 60.0)

    def hold(self) -> None:
        """The working setpoint stays where it is."""
        self._world.oven.hold(self._world.clock.now_s)

    def standby(self) -> None:
        """Heater off."""
        self._world.oven.switch_off(self._world.clock.now_s)
