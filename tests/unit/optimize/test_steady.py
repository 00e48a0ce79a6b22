"""BLAS on one thread while the optimiser thinks, and as before afterwards."""

from __future__ import annotations

import scipy.linalg  # noqa: F401  # loads its BLAS
from threadpoolctl import threadpool_info, threadpool_limits

from beamline.optimize.steady import steady


def blas_threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_blas_has_one_thread_inside_and_the_old_number_after() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_threads()
        assert steady(blas_threads)() == {1}
        assert blas_threads() == before


def test_arguments_and_results_pass_through() -> None:
    assert steady(divmod)(7, 2) == (3, 1)
