"""What the bench can do, as Bluesky plans."""

from plans.anneal import heat_treat_coupon, ramp_to
from plans.campaign import Night, campaign_plan, coupon_plan
from plans.documents import CouponInHand, NightLabel
from plans.measure import measure_coupon
from plans.threads import in_thread
from plans.write import empty_stage, load_on_stage, write_coupon, write_site

__all__ = [
    "CouponInHand",
    "Night",
    "NightLabel",
    "campaign_plan",
    "coupon_plan",
    "empty_stage",
    "heat_treat_coupon",
    "in_thread",
    "load_on_stage",
    "measure_coupon",
    "ramp_to",
    "write_coupon",
    "write_site",
]
