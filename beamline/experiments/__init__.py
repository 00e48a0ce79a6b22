"""What the runs of single experiments say: maps, decays and pictures read back, from the records alone."""

from beamline.experiments.calibrations import (
    CalibrationError,
    DarkCalibration,
    FurnaceCalibration,
    PowerCalibration,
    dark_calibration,
    furnace_calibration,
    last_calibrations,
    power_calibration,
    response_calibration,
)
from beamline.experiments.certificates import Certificate, read_certificate
from beamline.experiments.decays import decays_of
from beamline.experiments.drawing import draw_photographs, named_overviews, write_pictures
from beamline.experiments.forecast import Forecast, forecast
from beamline.experiments.maps import PlacedMap, map_of
from beamline.experiments.palette import Colour, candidates, palette
from beamline.experiments.photographs import Photograph, overviews_of, photographs_of
from beamline.experiments.picture_page import draw_read_back, write_picture_page
from beamline.experiments.pictures import CellLight, colours_of_cells, grey_image, light_of_cells
from beamline.experiments.readback import ReadBack, read_back
from beamline.experiments.registration import Focus, RegisteredCoupon, focus_of, registration_of
from beamline.experiments.valid import VALID_DAYS, valid_calibrations
from beamline.experiments.warmth import PlacedLine
from beamline.experiments.wavelengths import WavelengthCalibration, wavelength_calibration

__all__ = [
    "VALID_DAYS",
    "CalibrationError",
    "CellLight",
    "Certificate",
    "Colour",
    "DarkCalibration",
    "Focus",
    "Forecast",
    "FurnaceCalibration",
    "Photograph",
    "PlacedLine",
    "PlacedMap",
    "PowerCalibration",
    "ReadBack",
    "RegisteredCoupon",
    "WavelengthCalibration",
    "candidates",
    "colours_of_cells",
    "dark_calibration",
    "decays_of",
    "draw_photographs",
    "draw_read_back",
    "focus_of",
    "forecast",
    "furnace_calibration",
    "grey_image",
    "last_calibrations",
    "light_of_cells",
    "map_of",
    "named_overviews",
    "overviews_of",
    "palette",
    "photographs_of",
    "power_calibration",
    "read_back",
    "read_certificate",
    "registration_of",
    "response_calibration",
    "valid_calibrations",
    "wavelength_calibration",
    "write_picture_page",
    "write_pictures",
]
