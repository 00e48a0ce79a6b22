"""The optimiser: from what was seen to the coupon to make next.

`make_optimizer` is the entrance; docs/explanation/optimiser.md says how it thinks.
"""

from beamline.optimize.making import make_optimizer
from beamline.optimize.objective import ColourTarget, Objective, RateLimits, RatioTarget, WavelengthTarget
from beamline.optimize.protocol import (
    BestSite,
    CouponCheck,
    Front,
    FrontSite,
    Hours,
    Layout,
    ObservableCheck,
    Optimizer,
    OptimizerKind,
    OptimizerStatus,
    ParameterBelief,
    TraceEntry,
)
from beamline.optimize.space import SearchSpace

__all__ = [
    "BestSite",
    "ColourTarget",
    "CouponCheck",
    "Front",
    "FrontSite",
    "Hours",
    "Layout",
    "Objective",
    "ObservableCheck",
    "Optimizer",
    "OptimizerKind",
    "OptimizerStatus",
    "ParameterBelief",
    "RateLimits",
    "RatioTarget",
    "SearchSpace",
    "TraceEntry",
    "WavelengthTarget",
    "make_optimizer",
]
