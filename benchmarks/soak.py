"""Many nights in one process: memory, open files, threads, and the time of a step, night by night.

    python benchmarks/soak.py [--nights 200] [--out soak.png] [--csv soak.csv]

A night is one of three coupons with four sites, about twelve simulated hours, on a session of its own with a folder of its
own, as a process that lives for months would have them. The step time is the process's own time of the night over its
documents, so that other programs on the machine do not count. Growth is the median of the last tenth of the nights beside
that of the second tenth; the first tenth loads and compiles. Exit code 1 where memory has grown by 10 % or more, or files
or threads at all.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before anything loads them, and only where this is the program
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OPHYD_CONTROL_LAYER", "dummy")

MOST_GROWTH = 0.10
NIGHT = """
name = "soak"
optimizer.kind = "random"
sites.per_coupon = 4
measurement = { integration_s = 0.2, n_averages = 5 }
[space]
hold_s = [7200, 10800]
temperature_C = [400, 480]
[[glass]]
name = "BrI"
bromide = 1.5
iodide = 1.5
""" + "".join(f'[[coupon]]\nserial = "C{number}"\nglass = "BrI"\n' for number in (1, 2, 3))


@dataclass(frozen=True)
class Row:
    """After a night."""

    night: int
    resident_MB: float
    n_files: int
    n_threads: int
    n_documents: int
    step_ms: float
    simulated_h: float


def live(night: int) -> Row:
    """A night, and what the process looks like after it."""
    from beamline.campaign import parse_campaign
    from beamline.instrument import Instrument
    from beamline.night import run_night
    from beamline.session import open_session

    campaign = parse_campaign(NIGHT).model_copy(update={"seed": night})
    n_documents = 0

    def count(_name: str, _doc: dict[str, Any]) -> None:
        nonlocal n_documents
        n_documents += 1

    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        begin_s = time.process_time()
        with open_session(
            Instrument(), coupons=campaign.coupons, data=Path(folder), seed=night, unattended=True, catalog=False
        ) as session:
            session.RE.subscribe(count)
            outcome = run_night(session, campaign)
        took_s = time.process_time() - begin_s
    if outcome.exit_status != "success":
        raise RuntimeError(f"night {night}: {outcome.reason}")
    del session
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Row(
        night=night,
        resident_MB=pages * resource.getpagesize() / 1e6,
        n_files=len(list(Path("/proc/self/fd").iterdir())) - 1,  # without the one of the listing
        n_threads=threading.active_count(),
        n_documents=n_documents,
        step_ms=1e3 * took_s / n_documents,
        simulated_h=outcome.simulated_s / 3600,
    )


def growth(values: list[float]) -> tuple[float, float]:
    """Medians of the second and of the last tenth."""
    tenth = max(len(values) // 10, 1)
    return statistics.median(values[tenth : 2 * tenth] or values), statistics.median(values[-tenth:])


def draw(rows: list[Row], path: Path) -> None:
    """Four panels over the nights."""
    from matplotlib.figure import Figure

    panels = {
        "resident memory (MB)": [row.resident_MB for row in rows],
        "open files": [float(row.n_files) for row in rows],
        "threads": [float(row.n_threads) for row in rows],
        "processor time per document (ms)": [row.step_ms for row in rows],
    }
    figure = Figure(figsize=(8, 6.4), layout="constrained")
    hours = sum(row.simulated_h for row in rows)
    figure.suptitle(
        f"{len(rows)} nights in one process, {hours:.0f} simulated hours, {sum(r.n_documents for r in rows)} documents"
    )
    for axes, (title, values) in zip(figure.subplots(2, 2).flat, panels.items(), strict=True):
        axes.plot([row.night for row in rows], values, ".", ms=3, color="#0072b2")
        first, last = growth(values)
        axes.axhline(first, color="#999999", lw=0.8)
        axes.set_ylim(0, max(values) * 1.15)
        axes.set_title(f"{title}: {first:.4g} to {last:.4g}", fontsize=9)
        axes.set_xlabel("night")
    figure.savefig(path, dpi=130)


def main() -> None:
    """Live through the nights, print the figures, draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=200)
    parser.add_argument("--out", type=Path, help="of the plot")
    parser.add_argument("--csv", type=Path, help="of the rows")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    rows = []
    for night in range(1, given.nights + 1):
        rows.append(live(night))
        if given.csv is not None:
            lines = [",".join(asdict(rows[0])), *(",".join(f"{v:.6g}" for v in asdict(row).values()) for row in rows)]
            given.csv.write_text("\n".join(lines) + "\n")
    if given.out is not None:
        draw(rows, given.out)
    memory, files, threads, step = (
        growth([float(getattr(row, name)) for row in rows])
        for name in ("resident_MB", "n_files", "n_threads", "step_ms")
    )
    print(f"{len(rows)} nights, {sum(row.simulated_h for row in rows):.0f} simulated hours")
    print(f"memory {memory[0]:.0f} to {memory[1]:.0f} MB ({memory[1] / memory[0] - 1:+.1%})")
    print(f"open files {files[0]:.0f} to {files[1]:.0f}; threads {threads[0]:.0f} to {threads[1]:.0f}")
    print(f"step {step[0]:.2f} to {step[1]:.2f} ms of the processor ({step[1] / step[0] - 1:+.1%})")
    has_grown = memory[1] >= (1 + MOST_GROWTH) * memory[0] or files[1] > files[0] or threads[1] > threads[0]
    sys.exit(has_grown)


if __name__ == "__main__":
    main()
