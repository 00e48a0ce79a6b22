"""Kernels of the misfit, in scikit-optimize's terms. Importing this loads scikit-optimize, which takes seconds."""

from __future__ import annotations

from typing import Any

from skopt.learning.gaussian_process.kernels import Matern

__all__ = ["matern"]


def matern(length_scale: float) -> Any:
    """Matern 5/2 correlation of fixed length scale."""
    return Matern(length_scale=length_scale, length_scale_bounds="fixed", nu=2.5)
