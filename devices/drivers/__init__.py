"""Drivers that speak the instruments' protocols; plain Python, no ophyd."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devices.protocols import (
        CameraDriver,
        ChangerDriver,
        FurnaceDriver,
        LaserDriver,
        LifetimeDriver,
        SpectrometerDriver,
        StageDriver,
    )

    from .carousel import Carousel
    from .counter_files import CounterFiles
    from .eurotherm import EurothermFurnace
    from .light_conversion import LightConversionLaser
    from .manual_changer import ManualChanger
    from .micromanager import MicroManagerCamera
    from .ocean import OceanSpectrometer
    from .zaber import ZaberStage

    def meet_their_roles(  # noqa: PLR0917  # never called
        laser: LightConversionLaser,
        stage: ZaberStage,
        furnace: EurothermFurnace,
        spectrometer: OceanSpectrometer,
        changer: ManualChanger,
        carousel: Carousel,
        lifetime: CounterFiles,
        camera: MicroManagerCamera,
    ) -> tuple[
        LaserDriver,
        StageDriver,
        FurnaceDriver,
        SpectrometerDriver,
        ChangerDriver,
        ChangerDriver,
        LifetimeDriver,
        CameraDriver,
    ]:
        """For the type checker: each driver has all that its role asks for."""
        return laser, stage, furnace, spectrometer, changer, carousel, lifetime, camera
