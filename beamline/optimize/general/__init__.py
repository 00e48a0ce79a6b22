"""A general optimiser without a physics prior: `GeneralOptimizer`, ask and tell over any space."""

from beamline.optimize.general.engine import Believed, GeneralOptimizer

__all__ = ["Believed", "GeneralOptimizer"]
