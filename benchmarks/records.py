"""What records cost: `python benchmarks/records.py [--events 100] [--repeats 9]`.

In one run, side by side: events per second of the engine with no sink, with the write-ahead log (until the disk has all
of it, where it is waited for) and with Tiled's writer in the engine's thread; seconds until a catalog is ready and per run
ingested in the background; replay of the same runs from the log and from the catalog. Ratios are what to look at: the
absolute figures belong to the machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from bluesky import RunEngine
from bluesky.plans import count
from ophyd.sim import SynSignal

from beamline.records import CatalogOwner, LogWriter, Records, open_catalog, replay
from beamline.records.access import reader_access
from beamline.records.layout import Layout

N_PIXELS = 2048
N_RUNS = 2
"""Of a measured piece: a run waits for the one before it to be on disk."""


class Spectrometer(SynSignal):
    """A simulated detector with a spectrum of 2048 floats, declared as a device of ours declares it."""

    def __init__(self) -> None:
        super().__init__(name="spectrometer_counts", func=lambda: np.linspace(0.0, 1.0, N_PIXELS))

    def describe(self) -> dict[str, Any]:
        """Adds what SynSignal leaves out."""
        about = super().describe()
        about[self.name] |= {"dtype": "array", "shape": [N_PIXELS], "dtype_numpy": "<f8", "units": "counts"}
        return about


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    begin = perf_counter()
    action()
    return perf_counter() - begin


class Bench:
    """One engine, one detector, and the sinks in turn."""

    def __init__(self, n_events: int) -> None:
        self.engine = RunEngine({}, context_managers=[])
        self.detector = Spectrometer()
        self.n_events = n_events

    def events_per_s(self, sink: Callable[[str, dict[str, Any]], object] | None) -> float:
        """Of two runs in succession with a sink, until the disk has what a log waits for; without a sink for None."""
        token = self.engine.subscribe(sink) if sink is not None else None

        def work() -> None:
            for _run in range(N_RUNS):
                self.engine(count([self.detector], num=self.n_events), purpose="benchmark")
            if isinstance(sink, LogWriter):
                sink.flush()

        took_s = seconds(work)
        if token is not None:
            self.engine.unsubscribe(token)
        return N_RUNS * self.n_events / took_s


def compare_sinks(bench: Bench, sinks: dict[str, Any], repeats: int) -> None:
    """Alternate between the sinks, to and fro: a busy moment of the machine, or what a sink leaves behind, hits all of them."""
    rates: dict[str, list[float]] = {name: [] for name in sinks}
    for repeat in range(repeats):
        for name in list(sinks)[:: -1 if repeat % 2 else 1]:
            rates[name].append(bench.events_per_s(sinks[name]))
    base = rates["no sink"]
    print(
        f"engine, {N_RUNS} runs in succession of {bench.n_events} events of {N_PIXELS} floats, medians of {repeats} rounds:"
    )
    for name, measured in rates.items():
        ratio = median(rate / other for rate, other in zip(measured, base, strict=True))  # within a round
        print(f"  {name:32s} {median(measured):8.1f} events/s   {ratio:6.3f} of no sink")


def serve(folder: Path, key: str, told: Connection) -> None:
    """A catalog like that of the records, in a process of its own, that nobody but the engine writes."""
    from beamline.records.server import CatalogServer, catalog_config, prepare_database  # heavy

    layout = Layout.of(folder)
    layout.catalog.mkdir(parents=True)
    prepare_database(layout)
    server = CatalogServer(catalog_config(layout, key), reader_access(layout))
    server.start()
    told.send(server.url)
    told.recv()
    server.stop()


@contextmanager
def tiled_writer(folder: Path) -> Iterator[Any]:
    """Tiled's writer into such a catalog; what `open_catalog` gives does not see runs that are half there, as it writes them."""
    from bluesky_tiled_plugins import TiledWriter  # heavy
    from tiled.client import from_uri

    key = secrets.token_hex(32)
    told, other = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(folder, key, other), daemon=True)
    server.start()
    if not told.poll(120):
        raise SystemExit("the catalog for Tiled's writer is not served")
    yield TiledWriter(from_uri(told.recv(), api_key=key, trust_env=False), max_array_size=0)
    told.send("end")
    server.join(30)


def cost_of_an_event(folder: Path) -> None:
    """The log alone, without an engine."""
    documents = list(Records(folder).runs()[0].documents)
    events = [doc for name, doc in documents if name == "event"]
    with LogWriter(folder / "alone") as log:
        log(*documents[0])
        log(*documents[1])
        took_s = seconds(lambda: [log("event", doc) for doc in events])
    print(f"the log alone: {took_s / len(events) * 1e6:.0f} us per event of {N_PIXELS} floats")


def compare_replay(folder: Path, catalog: Any) -> None:
    """The same runs from the log, and from the catalog by its client."""
    runs = Records(folder).runs()
    n_documents = 0

    def take(_name: str, _doc: object) -> None:
        nonlocal n_documents
        n_documents += 1

    from_log_s = seconds(lambda: Records(folder).replay(take))
    from_catalog_s = seconds(lambda: [take(*document) for run in runs for document in catalog[run.uid].documents()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this is no exact replay is what it is compared for
        by_us_s = seconds(lambda: [replay(catalog[run.uid], take) for run in runs])
    print(f"replay of {len(runs)} runs, {n_documents // 3} documents:")
    print(f"  from the log                     {len(runs) / from_log_s:8.1f} runs/s")
    for how, took_s in (("documents()", from_catalog_s), ("our code", by_us_s)):
        what = f"from the catalog, {how}"
        print(f"  {what:32s} {len(runs) / took_s:8.1f} runs/s; the log is {took_s / from_log_s:.0f} times as fast")
    first_s = seconds(lambda: Records(folder).runs(purpose="benchmark"))
    records = Records(folder)
    records.runs()
    again_s = seconds(lambda: records.runs(purpose="benchmark"))
    print(f"  finding them by metadata: {first_s * 1e3:.1f} ms at first, {again_s * 1e3:.1f} ms again")


def log_sinks(folder: Path) -> dict[str, Any]:
    """Without a sink, and with the log as nights have it and without its fsync."""
    return {
        "no sink": None,
        "log, no fsync": LogWriter(folder / "never", sync="never"),
        "log, fsync at start and stop": LogWriter(folder),
    }


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100, help="events per run")
    parser.add_argument("--repeats", type=int, default=9, help="rounds")
    parser.add_argument("--log-only", action="store_true", help="no sink and the log, in many short rounds; no catalog")
    given = parser.parse_args()
    bench = Bench(given.events)
    bench.events_per_s(None)  # first run: imports and caches
    with tempfile.TemporaryDirectory(prefix="records-") as name:
        folder = Path(name)
        if given.log_only:
            compare_sinks(bench, log_sinks(folder), given.repeats)
            return
        with tiled_writer(folder / "tiled") as writer:
            document = LogWriter(folder / "document", sync="document")
            more = {"log, fsync of each document": document, "Tiled's writer in the engine": writer}
            compare_sinks(bench, log_sinks(folder) | more, given.repeats)
        cost_of_an_event(folder)
        owner = CatalogOwner(folder)
        print(f"a new catalog is served after {seconds(lambda: owner.start().wait_ready(300)):.1f} s")
        ingest_s = seconds(lambda: owner.flush(600))
        n_runs = len(Records(folder).runs())
        print(f"ingestion in the background: {ingest_s / n_runs:.2f} s per run ({n_runs} runs, what was left of them)")
        catalog = open_catalog(folder)
        compare_replay(folder, catalog)
        owner.stop()


if __name__ == "__main__":
    main()
