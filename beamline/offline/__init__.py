"""What was measured elsewhere: XRD, Raman, XPS, absorption, TEM sizes, transient absorption, from files into the records."""

from beamline.offline.intake import AlreadyAttachedError, attach, attached
from beamline.offline.model import Marker, markers
from beamline.offline.peaks import PeakFit, fit_peak
from beamline.offline.reading import OfflineError, OfflineMeasurement, read_measurement
from beamline.offline.technique import AXES, TECHNIQUES, Axis, Technique

__all__ = [
    "AXES",
    "TECHNIQUES",
    "AlreadyAttachedError",
    "Axis",
    "Marker",
    "OfflineError",
    "OfflineMeasurement",
    "PeakFit",
    "Technique",
    "attach",
    "attached",
    "fit_peak",
    "markers",
    "read_measurement",
]
