"""What the bench can do, as Bluesky plans."""

from plans.anneal import heat_treat_coupon, ramp_to
from plans.calibration import calibrate_dark, calibrate_furnace, calibrate_power, calibrate_response
from plans.campaign import Night, campaign_plan, coupon_plan, first_run_plan
from plans.decay import pl_decay
from plans.documents import CouponInHand, NightLabel
from plans.experiment import Experiment, ExperimentRefusedError
from plans.imaging import DAYLIGHT, THROUGH_645, ULTRAVIOLET, Shot, image_coupon, image_sites
from plans.mapping import pl_map
from plans.matrix import dot_matrix, line_series, settings_map
from plans.measure import measure_coupon
from plans.pattern import rewrite, write_pattern
from plans.series import anneal_ladder, anneal_series, stability_series
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
    "campaign_plan",
    "coupon_plan",
    "dot_matrix",
    "empty_stage",
    "first_run_plan",
    "heat_treat_coupon",
    "image_coupon",
    "image_sites",
    "in_thread",
    "line_series",
    "load_on_stage",
    "measure_coupon",
    "pl_decay",
    "pl_map",
    "ramp_to",
    "rewrite",
    "settings_map",
    "stability_series",
    "write_coupon",
    "write_pattern",
    "write_site",
]
