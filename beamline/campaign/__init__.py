"""The campaign file: what it may say, what it would do, how long that takes, and the states of a campaign.

`load_campaign` reads and checks a file; `estimate_night` and `describe` say what it would do;
`beamline.campaign.state` holds the states.
"""

from beamline.campaign.check import describe, describe_json, duration_text
from beamline.campaign.estimate import (
    InstrumentTimes,
    NightCase,
    NightEstimate,
    Phase,
    coupon_hours,
    coupon_phases,
    estimate_night,
    suggestion_phases,
)
from beamline.campaign.file import Campaign, CouponEntry, OptimizerChoice, SiteGrid, Stop
from beamline.campaign.layout import CrowdedError, layout, n_fitting
from beamline.campaign.load import CampaignFileError, load_campaign, parse_campaign

__all__ = [
    "Campaign",
    "CampaignFileError",
    "CouponEntry",
    "CrowdedError",
    "InstrumentTimes",
    "NightCase",
    "NightEstimate",
    "OptimizerChoice",
    "Phase",
    "SiteGrid",
    "Stop",
    "coupon_hours",
    "coupon_phases",
    "describe",
    "describe_json",
    "duration_text",
    "estimate_night",
    "layout",
    "load_campaign",
    "n_fitting",
    "parse_campaign",
    "suggestion_phases",
]
