"""How the cost of records grows with their number: `python benchmarks/records_growth.py [--catalog] [--out growth.png]`.

Folders of 10 to 1000 runs, a third of them measurements with spectra; each action by a process that has not looked yet,
as after a start: search by metadata, open one run by the beginning of its uid and read its spectra, replay of all, the
recovery at the start of a session, and the first look of the catalog's ingester. The figure shows seconds against runs
with the exponent of each, fitted over the upper decade. With `--catalog` the same of the catalog, by its client: search, open and
read, replay of 5 runs (not of all: at 1000 runs that takes minutes), the start of the owner until it serves, and how long
the ingestion of a run takes.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from event_model import compose_run

from beamline.records import CatalogOwner, LogWriter, Records, close_orphans, open_catalog, replay
from beamline.records.ingest import Backlog
from beamline.records.layout import Layout

N_PIXELS = 2048
N_EVENTS = 10
PURPOSES = ("decision", "heat_treatment", "measurement")


def record(log: LogWriter, number: int) -> str:
    """One run of ten events, a measurement with spectra; returns its uid."""
    purpose = PURPOSES[number % len(PURPOSES)]
    about = {"purpose": purpose, "coupon": {"serial": f"C{number // 3:04d}"}, "campaign": {"name": f"n{number // 40}"}}
    run = compose_run(metadata=about, time=1.7e9 + number)
    log("start", run.start_doc)
    keys: dict[str, Any] = {
        "furnace_temperature_C": {"source": "", "dtype": "number", "shape": [], "dtype_numpy": "<f8"}
    }
    if purpose == "measurement":
        keys = {"spectrometer_counts": {"source": "", "dtype": "array", "shape": [N_PIXELS], "dtype_numpy": "<f8"}}
    if purpose != "decision":
        stream = run.compose_descriptor(name="events", data_keys=keys, validate=False)
        log("descriptor", stream.descriptor_doc)
        for event in range(N_EVENTS):
            data = {key: np.full(N_PIXELS, event) if about["shape"] else float(event) for key, about in keys.items()}
            log("event", stream.compose_event(data=data, timestamps=dict.fromkeys(data, 0.0), validate=False))
    log("stop", run.compose_stop())
    return str(run.start_doc["uid"])


def seconds(action: Callable[[], object], repeats: int) -> float:
    """Median of several times."""
    taken = []
    for _repeat in range(repeats):
        begin = perf_counter()
        action()
        taken.append(perf_counter() - begin)
    return median(taken)


def measure(folder: Path, uid: str, repeats: int) -> dict[str, float]:
    """Seconds of each action on a folder."""
    warm = Records(folder)
    warm.runs()
    backlog = Backlog(Layout.of(folder))
    backlog.pending()
    return {
        "search, first": seconds(lambda: Records(folder).runs(purpose="measurement"), repeats),
        "search, again": seconds(lambda: warm.runs(purpose="measurement"), repeats),
        "open one, read its spectra": seconds(lambda: Records(folder).run(uid[:12]).table("events"), repeats),
        "replay of all": seconds(lambda: Records(folder).replay(lambda _name, _doc: None), max(1, repeats // 3)),
        "recovery at start": seconds(lambda: close_orphans(folder), repeats),
        "look for what is to be ingested": seconds(backlog.pending, repeats),
    }


class Catalog:
    """The catalog of the folder, and what it costs at each size."""

    N_REPLAYED = 5

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.owner = CatalogOwner(folder)
        self.owner.start().wait_ready(300)  # makes the databases, once
        self.n_in = 0

    def ingest(self, n_runs: int) -> float:
        """Wait until all runs are in; s for each that was not."""
        took_s = seconds(lambda: self.owner.flush(3600), 1) / max(1, n_runs - self.n_in)
        self.n_in = n_runs
        return took_s

    def measure(self, uids: list[str], uid: str, repeats: int) -> dict[str, float]:
        """Seconds of each action."""
        from tiled.queries import Key  # heavy, and only where it is asked for

        self.owner.stop()
        self.owner = CatalogOwner(self.folder)
        start_s = seconds(lambda: self.owner.start().wait_ready(300), 1)
        catalog = open_catalog(self.folder)
        some = [uids[index * len(uids) // self.N_REPLAYED] for index in range(self.N_REPLAYED)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that this is no exact replay is known
            return {
                "catalog: search": seconds(
                    lambda: list(catalog.search(Key("start.purpose") == "measurement")), repeats
                ),
                "catalog: newest": seconds(lambda: catalog[-1], repeats),
                "catalog: open one, read its spectra": seconds(
                    lambda: np.sum(catalog[uid]["events"]["spectrometer_counts"].read()), repeats
                ),
                "catalog: replay of 5": seconds(lambda: [replay(catalog[one], lambda _n, _d: None) for one in some], 1),
                "catalog: owner's start": start_s,
            }


def exponent(counts: list[int], taken: list[float]) -> float:
    """Slope of log seconds against log runs, over the upper decade."""
    upper = [(n, t) for n, t in zip(counts, taken, strict=True) if n >= counts[-1] / 10]
    return float(np.polyfit(*np.log(np.array(upper)).T, 1)[0])


def draw(counts: list[int], taken: dict[str, list[float]], out: Path) -> None:
    """The figure."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(10, 6), layout="constrained")
    for (name, values), marker in zip(taken.items(), "osD^vPX<>dhp", strict=False):
        style = "--" if name.startswith("catalog") else "-"
        axes.loglog(counts, values, marker=marker, ls=style, label=f"{name}: exponent {exponent(counts, values):.2f}")
    axes.loglog(counts, [1e-5 * n for n in counts], color="0.6", ls=":", label="proportional to the number of runs")
    axes.set(xlabel="runs in the folder", ylabel="time (s)", title="What records cost")
    axes.grid(visible=True, which="major", color="0.9")
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(out, dpi=110)


def main() -> None:
    """Print the table, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=1000, help="runs in the largest folder")
    parser.add_argument("--catalog", action="store_true", help="measure the catalog too; takes minutes")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, help="where the figure goes (PNG); without it there is none")
    given = parser.parse_args()
    counts = [n for n in (10, 30, 100, 300, 1000, 3000, 10_000) if n <= given.most]
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="records-") as name, LogWriter(name, sync="never") as log:
        uids = [""]
        catalog = Catalog(Path(name)) if given.catalog else None
        for n_runs in counts:
            uids += [record(log, number) for number in range(len(uids), n_runs + 1)]
            uid = uids[(n_runs // 2 // 3) * 3 + 2]  # a measurement from the middle
            # First, so that nothing goes on in the background of what is measured.
            ingestion_s = catalog.ingest(n_runs) if catalog is not None else 0.0
            costs = measure(Path(name), uid, given.repeats)
            if catalog is not None:
                costs |= catalog.measure(uids[1:], uid, given.repeats)
                costs["catalog: ingestion, per run"] = ingestion_s
            for action, value in costs.items():
                taken.setdefault(action, []).append(value)
        if catalog is not None:
            catalog.owner.stop()
    print(f"{'ms, at runs':34s}" + "".join(f"{n:>9d}" for n in counts) + "   exponent")
    for action, values in taken.items():
        cells = "".join(f"{value * 1e3:9.2f}" for value in values)
        print(f"{action:34s}{cells}   {exponent(counts, values):8.2f}")
    if given.out is not None:
        draw(counts, taken, given.out)


if __name__ == "__main__":
    main()
