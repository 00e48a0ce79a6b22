"""Drivers that speak the instruments' protocols; plain Python, no ophyd."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devices.protocols import ChangerDriver, FurnaceDriver, LaserDriver, SpectrometerDriver, StageDriver

    from .eurotherm import EurothermFurnace
    from .light_conversion import LightConversionLaser
    from .manual_changer import ManualChanger
    from .ocean import OceanSpectrometer
    from .zaber import ZaberStage

    def meet_their_roles(
        laser: LightConversionLaser,
        stage: ZaberStage,
        furnace: EurothermFurnace,
        spectrometer: OceanSpectrometer,
        changer: ManualChanger,
    ) -> tuple[LaserDriver, StageDriver, FurnaceDriver, SpectrometerDriver, ChangerDriver]:
        """For the type checker: each driver has all that its role asks for."""
        return laser, stage, furnace, spectrometer, changer
