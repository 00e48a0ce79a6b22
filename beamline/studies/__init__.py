"""Studies: many simulated nights, seeds x optimisers x campaigns, on the cores of this machine or on a cluster; resumable."""

from beamline.studies.figure import draw_study
from beamline.studies.night import CONFIDENCE, NightRow, NightTask, StudyError, live_night, tasks_of
from beamline.studies.rows import RowFile, RowFileError
from beamline.studies.run import Progress, by_dask, by_joblib, run_study
from beamline.studies.table import ArmResult, arm_results, as_text

__all__ = [
    "CONFIDENCE",
    "ArmResult",
    "NightRow",
    "NightTask",
    "Progress",
    "RowFile",
    "RowFileError",
    "StudyError",
    "arm_results",
    "as_text",
    "by_dask",
    "by_joblib",
    "draw_study",
    "live_night",
    "run_study",
    "tasks_of",
]
