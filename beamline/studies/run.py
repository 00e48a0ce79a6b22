"""Lives the nights of a study that are not lived yet: on the cores of this machine by joblib, on a cluster by Dask."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from beamline.studies.night import NightRow, NightTask, StudyError, live_night
from beamline.studies.rows import RowFile

__all__ = ["Progress", "by_dask", "by_joblib", "run_study"]

Given = NightRow | StudyError
Progress = Callable[[Given], None]
"""Told of each night when it is over, whether well or not."""
CONNECT_S = 10.0
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def run_study(
    tasks: Sequence[NightTask],
    file: RowFile,
    runner: Callable[[Sequence[NightTask]], Iterable[Given]],
    told: Progress = lambda _given: None,
) -> tuple[tuple[NightRow, ...], tuple[StudyError, ...]]:
    """Live what is missing, a line for each night when it is over.

    Args:
        tasks: all nights of the study.
        file: with those that have been lived.
        runner: gives the results in any order.
        told: of each that is new.

    Returns:
        The rows of all tasks that have one, in the order of the tasks, and what failed; that is tried again the next time.
    """
    there = {row.key for row in file.rows}
    failed: list[StudyError] = []
    for given in runner([task for task in tasks if task.key not in there]):
        if isinstance(given, NightRow):
            file.add([given])
        else:
            failed.append(given)
        told(given)
    rows = {row.key: row for row in file.rows}
    return tuple(rows[task.key] for task in tasks if task.key in rows), tuple(failed)


def _tried(task: NightTask) -> Given:
    try:
        return live_night(task)
    except StudyError as error:
        return error


def by_joblib(n_jobs: int) -> Callable[[Sequence[NightTask]], Iterable[Given]]:
    """So many nights at once, a process each with one thread; 1: in this process."""

    def run(tasks: Sequence[NightTask]) -> Iterator[Given]:
        from joblib import Parallel, delayed  # noqa: PLC0415  # heavy

        with _one_thread_each():
            yield from Parallel(n_jobs=n_jobs, return_as="generator_unordered")(delayed(_tried)(task) for task in tasks)

    return run


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """What the processes that are begun within will find in their environment, where it says nothing else."""
    added = [name for name in _ONE_THREAD if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def by_dask(address: str) -> Callable[[Sequence[NightTask]], Iterable[Given]]:
    """On the workers of a Dask cluster, which have this version of vitrail and one thread each.

    Args:
        address: of its scheduler, as `tcp://HOST:8786`.

    Raises:
        StudyError: from the run: nobody answers, no worker is there, or the extra is not installed.
    """

    def run(tasks: Sequence[NightTask]) -> Iterator[Given]:
        try:
            from distributed import Client, as_completed  # noqa: PLC0415  # of an extra
        except ModuleNotFoundError:
            raise StudyError("Dask is not installed; pip install 'vitrail[study]' brings it") from None
        try:
            client = Client(address, timeout=CONNECT_S)
        except (OSError, TimeoutError, ValueError) as error:
            raise StudyError(
                f"--dask {address}: no scheduler answers there ({error}); begin one by `dask scheduler`"
            ) from error
        try:
            if not client.scheduler_info()["workers"]:
                raise StudyError(
                    f"--dask {address}: the cluster has no workers; begin some by `dask worker {address} --nthreads 1`"
                )
            futures = client.map(_tried, list(tasks), pure=False)
            for future in as_completed(futures):
                try:
                    yield future.result()
                except Exception as error:  # noqa: BLE001  # a worker that is gone, or has another version, whatever it raises
                    yield StudyError(f"a night on the cluster: {type(error).__name__}: {error}")
        finally:
            client.close()

    return run
