"""What every test lives by: figures without a window, no EPICS, the same Hypothesis examples in every run, no engine left over.

`HYPOTHESIS_PROFILE=nightly` searches further, and elsewhere each time.
"""

import gc
import os
import signal
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OPHYD_CONTROL_LAYER", "dummy")
# Each core has a worker of pytest already: threads of a linear algebra library, which wait for each other by spinning, made some
# tests ten times slower than one thread. For the workers and every process that a test starts, and for what is loaded already.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
threadpool_limits(limits=1, user_api="blas")

# Whoever begins the tests in the background has these ignored, which every process they start would take over.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("default", deadline=None, derandomize=True, max_examples=50, print_blob=True)
settings.register_profile("nightly", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def _end_loop(loop: Any, thread: Any) -> None:
    if loop.is_closed():
        return
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5.0)
    if not thread.is_alive():
        loop.close()


@pytest.fixture(autouse=True, scope="session")
def _an_engine_that_is_gone_leaves_no_loop() -> None:
    """A RunEngine that a test makes itself keeps its event loop for ever, three files each; sessions end theirs."""
    from bluesky import RunEngine

    begin = RunEngine.__init__

    def begin_and_end(engine: Any, *args: Any, **kwargs: Any) -> None:
        begin(engine, *args, **kwargs)
        weakref.finalize(engine, _end_loop, engine.loop, engine._th).atexit = False

    RunEngine.__init__ = begin_and_end


@pytest.fixture(autouse=True)
def _engines_are_collected() -> Iterator[None]:
    """Engines are parts of cycles: collected when there are many files, and not after each test, which costs seconds."""
    yield
    if sys.platform == "linux" and len(list(Path("/proc/self/fd").iterdir())) > 300:
        gc.collect()
