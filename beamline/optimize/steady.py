"""The same bytes on every number of cores.

BLAS sums in another order when it has another number of threads; the last digit differs, and a choice between two nearly
equal recipes may fall the other way. On one thread it does not, and for matrices of some hundred rows that costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["steady"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def steady(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Runs a function with BLAS on one thread."""

    @wraps(function)
    def on_one_thread(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415  # no types; comes with scikit-learn

        with threadpool_limits(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return on_one_thread
