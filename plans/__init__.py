"""What the bench can do, as Bluesky plans."""

from plans.anneal import furnace_setpoint, heat_treat_coupon, ramp_to
from plans.calibration import calibrate_furnace, calibrate_power, home_stage
from plans.campaign import Night, campaign_plan, coupon_plan, first_run_plan
from plans.decay import pl_decay
from plans.documents import CouponInHand, NightLabel
from plans.experiment import Experiment, ExperimentRefusedError
from plans.imaging import DAYLIGHT, THROUGH_645, ULTRAVIOLET, Shot, image_coupon, image_sites
from plans.mapping import pl_map
from plans.matrix import dot_matrix, line_series, settings_map
from plans.measure import measure_coupon
from plans.pattern import rewrite, write_pattern
from plans.picture import foreseen_picture, write_picture
from plans.registration import find_focus, marks_of, register_coupon, registered_bench, write_marks
from plans.series import anneal_ladder, anneal_series, stability_series
from plans.spectrometer_calibration import calibrate_dark, calibrate_response, calibrate_wavelength
from plans.temperature import pl_over_temperature
from plans.threads import in_thread
from plans.write import empty_stage, load_on_stage, write_coupon, write_site

__all__ = [
    "DAYLIGHT",
    "THROUGH_645",
    "ULTRAVIOLET",
    "CouponInHand",
    "Experiment",
    "ExperimentRefusedError",
    "Night",
    "NightLabel",
    "Shot",
    "anneal_ladder",
    "anneal_series",
    "calibrate_dark",
    "calibrate_furnace",
    "calibrate_power",
    "calibrate_response",
    "calibrate_wavelength",
    "campaign_plan",
    "coupon_plan",
    "dot_matrix",
    "empty_stage",
    "find_focus",
    "first_run_plan",
    "foreseen_picture",
    "furnace_setpoint",
    "heat_treat_coupon",
    "home_stage",
    "image_coupon",
    "image_sites",
    "in_thread",
    "line_series",
    "load_on_stage",
    "marks_of",
    "measure_coupon",
    "pl_decay",
    "pl_map",
    "pl_over_temperature",
    "ramp_to",
    "register_coupon",
    "registered_bench",
    "rewrite",
    "settings_map",
    "stability_series",
    "write_coupon",
    "write_marks",
    "write_pattern",
    "write_picture",
    "write_site",
]
