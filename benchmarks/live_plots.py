"""What a session's live plots cost as runs go by: Bluesky's best-effort callback as it comes, and as our shell has it.

    python benchmarks/live_plots.py [RUNS]

Each is fed the same scans, of ten points of one detector, without a window, in a process of its own; said are seconds per
run and memory that has been added, early and late.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

N_RUNS = 150


def scans(n: int) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The documents of runs."""
    from event_model import compose_run

    for number in range(n):
        run = compose_run(metadata={"motors": ["x"], "hints": {"dimensions": [(["x"], "primary")]}, "num_points": 10})
        keys = {name: {"source": "sim", "dtype": "number", "shape": []} for name in ("x", "y")}
        stream = run.compose_descriptor(
            name="primary", data_keys=keys, hints={"y": {"fields": ["y"]}}, object_keys={"x": ["x"], "y": ["y"]}
        )
        documents = [("start", run.start_doc), ("descriptor", stream.descriptor_doc)]
        for point in range(10):
            event = stream.compose_event(
                data={"x": float(point), "y": float((point * 7 + number) % 10)}, timestamps={"x": 0.0, "y": 0.0}
            )
            documents.append(("event", event))
        documents.append(("stop", run.compose_stop()))
        yield documents


def resident_MB() -> float:
    """Memory of this process."""
    gc.collect()
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * 4096 / 1e6


def measure(callback: Callable[[str, dict[str, Any]], None], n: int) -> None:
    """Feed it, and say what it cost by thirds."""
    begin_s, parts, before_MB = time.perf_counter(), [], None
    for number, documents in enumerate(scans(n), start=1):
        for name, document in documents:
            callback(name, document)
        if number == 10:
            before_MB = resident_MB()  # what is loaded and kept is loaded by now
        if number % (n // 3) == 0:
            now_s = time.perf_counter()
            parts.append(
                f"{1e3 * (now_s - begin_s) / (n // 3):7.1f} ms/run {resident_MB() - (before_MB or 0):+7.1f} MB"
            )
            begin_s = now_s
    print("   ".join(parts), flush=True)


def main() -> None:
    """Both, each in its own process; with a name as argument, that one."""
    n = next((int(word) for word in sys.argv[1:] if word.isdigit()), N_RUNS)
    kind = next((word for word in sys.argv[1:] if not word.isdigit()), None)
    if kind is None:
        print(f"{n} runs, by thirds: time per run, memory added since the tenth run")
        for one in ("bluesky", "ours"):
            print(f"{one:<8}", end=" ", flush=True)
            subprocess.run([sys.executable, __file__, one, str(n)], check=True)  # noqa: S603  # this very script
        return
    import matplotlib as mpl

    mpl.use("Agg")
    warnings.simplefilter("ignore")
    if kind == "ours":
        from beamline.shell.live import Live

        callback: Any = Live().made
    else:
        from bluesky.callbacks.best_effort import BestEffortCallback

        callback = BestEffortCallback()
    callback.disable_table()
    callback.disable_heading()
    callback.disable_baseline()
    measure(callback, n)


if __name__ == "__main__":
    main()
