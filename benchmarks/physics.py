"""What a prediction costs: `python benchmarks/physics.py [--repeats 15] [--accuracy]`.

In one run, side by side, so that the ratios mean something on a shared machine: microseconds per setting with the 361-point
spectrum for 1, 128 and 10 000 settings, against the plain numpy reference; against a floor, which is the number of calls of
erf, exp, pow and the like times what each costs here; on two threads against one, beside what two processes that know nothing
of each other reach on this machine, which no threads can beat; and the first call of a fresh process. `--accuracy` states
beside it how far its 24 and 28 nodes are from 256, and how far 32 equal rings would be.

Times are the least of the repeats: CPU time where one thread works, so that a busy machine does no harm, and wall time for two
against one, which mean something only while nobody else uses the processor: see the load.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from types import FunctionType

import numba
import numpy as np
import numpy.typing as npt

from beamline.physics import make_settings, nominal, predict, predict_spectra, spectrum, write
from beamline.physics.bands import Spectra, fill_spectrum
from beamline.physics.jit import compiled
from beamline.physics.records import observable_dtype
from beamline.physics.reference import reference_predict

Array = npt.NDArray[np.float64]

WAVELENGTH_nm = np.linspace(450.0, 810.0, 361)
STEPS = np.array([[500.0, 3600.0]])
P = nominal()


def least_s(
    actions: dict[str, Callable[[], object]], repeats: int, clock: Callable[[], float] = process_time
) -> dict[str, float]:
    """The least time of each, taken in turn so that all meet the same disturbances."""
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for action in actions.values():
        action()
    for _ in range(repeats):
        for name, action in actions.items():
            begin = clock()
            action()
            taken[name].append(clock() - begin)
    return {name: min(times) for name, times in taken.items()}


def some(kind: str, m: int) -> npt.NDArray[np.void]:
    """Settings that all write something."""
    rng = np.random.default_rng(3)
    pace = {"speed_mm_s": rng.uniform(0.1, 2.0, m)} if kind == "lines" else {"exposure_s": rng.uniform(1.1, 10.0, m)}
    return make_settings(iodide_fraction=rng.uniform(0.2, 0.8, m), pulse_energy_uJ=rng.uniform(100.0, 300.0, m), **pace)


# --------------------------------------------------------------------------------------------------------------- floor
def _loop(function: Callable[[float], float]) -> Callable[[Array, Array], None]:
    inner = compiled(function) if isinstance(function, FunctionType) else function

    @compiled
    def loop(values: Array, out: Array) -> None:
        for i in range(values.size):
            out[i] = inner(values[i])

    return loop


@compiled
def _bands(seen: npt.NDArray[np.void], spectra: Spectra, n: int) -> None:
    for _ in range(n):
        fill_spectrum(seen[0], spectra, spectra.rate[0, 0])


FUNCTIONS: dict[str, tuple[Callable[[float], float], float, float]] = {
    "erf": (math.erf, 0.0, 3.0),
    "exp": (math.exp, -30.0, 0.0),
    "expm1": (math.expm1, -3.0, 0.0),
    "pow": (lambda x: x**2.4567, 0.01, 5.0),
    "log": (math.log, 0.01, 5.0),
    "asin": (math.asin, 0.1, 0.4),
}


def call_costs_ns(repeats: int) -> dict[str, float]:
    """What one call of each function costs in compiled code, one after the other over an array."""
    n = 20_000
    out = np.empty(n)
    actions: dict[str, Callable[[], object]] = {}
    for name, (function, low, high) in FUNCTIONS.items():
        values = np.random.default_rng(1).uniform(low, high, n)
        actions[name] = partial(_loop(function), values, out)
    seen = np.zeros(1, observable_dtype)
    seen[:] = predict(some("lines", 1), STEPS, P)[0]
    axis = Spectra(1239.84 / WAVELENGTH_nm, 1239.84 / WAVELENGTH_nm**2, np.empty((1, 1, WAVELENGTH_nm.size)))
    actions["vector exp"] = lambda: _bands(seen, axis, 30)
    costs = least_s(actions, repeats)
    per = {name: 1e9 * costs[name] / n for name in FUNCTIONS}
    return per | {"vector exp": 1e9 * costs["vector exp"] / (30 * 2 * WAVELENGTH_nm.size)}


def calls(kind: str, settings: npt.NDArray[np.void]) -> dict[str, float]:
    """Calls per setting, by reading the code: of the nodes, counted where they are at work; then of the furnace and the rest."""
    from beamline.physics.doses import NUCLEATION, add_up, new_work
    from beamline.physics.nucleation import nose
    from beamline.physics.radial import N_DOT, N_LINE

    p, curve, work = P[0], nose(P[0]), new_work()
    states = write(settings, P)[0]
    nucleating = crystallising = 0
    n_nodes = N_LINE if kind == "lines" else N_DOT
    for setting, state in zip(settings, states, strict=True):
        laid = add_up(setting, p, curve, state, work)
        nucleating += int((work.rates[NUCLEATION, : laid.n] > 0.0).sum())
        crystallising += int((work.doses[NUCLEATION, : laid.n] > 1e-4).sum())
    a, c = nucleating / settings.size, crystallising / settings.size
    return {
        "erf": n_nodes * (1.0 if kind == "lines" else 2.0),
        "exp": (n_nodes if kind == "lines" else 0.0) + 2.0 * a + c + 4.0 + 13.0,  # field, rates, loss; furnace; light
        "expm1": 3.0 * c + 2.0 + 5.0,
        "pow": c + 7.0 + 4.0 + 10.0,
        "log": 4.0,
        "asin": 3.0,
        "written out": 2.0 * a
        + (n_nodes if kind == "lines" else 0.0)
        + 4.0 * c,  # of these, with the powers: see `strictly`
        "powers": c,
    }


def strictly(count: dict[str, float], costs: dict[str, float]) -> float:
    """The floor in us where also the exponentials at the nodes are priced as ours, which run several at a time.

    A power is a logarithm of the library and one of ours; elsewhere the library is called.
    """
    c, field_and_rates = count["powers"], count["written out"] - 4.0 * count["powers"]
    called = count | {
        "exp": count["exp"] - field_and_rates - c,
        "expm1": count["expm1"] - 3.0 * c,
        "pow": count["pow"] - c,
        "log": count["log"] + c,
    }
    ours = field_and_rates + 5.0 * c + 2 * WAVELENGTH_nm.size
    return 1e-3 * (sum(called[name] * costs[name] for name in FUNCTIONS) + ours * costs["vector exp"])


# --------------------------------------------------------------------------------------------------------------- parts
def first_call() -> None:
    """Of a fresh process, what is compiled being on disk."""
    code = (
        "import sys, time\n"
        "begin = time.perf_counter()\n"
        "from beamline.physics import make_settings, nominal, predict\n"
        "imported = time.perf_counter() - begin\n"
        "compiler = 'numba' in sys.modules\n"
        "s = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4)\n"
        "wall, cpu = time.perf_counter(), time.process_time()\n"
        "predict(s, [[500.0, 60.0]], nominal())\n"
        "print(imported, int(compiler), time.perf_counter() - wall, time.process_time() - cpu)\n"
    )
    taken = [
        tuple(map(float, subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.split()))  # noqa: S603  # this program
        for _ in range(5)
    ]
    imported, compiler, wall, cpu = (median(times) for times in zip(*taken, strict=True))
    print(
        f"fresh process, warm cache: import {imported:.2f} s, which loads {'the' if compiler else 'no'} compiler; first call "
        f"{wall:.2f} s, {cpu:.2f} s of CPU time, with the import of the compiler"
    )


def against_floor(repeats: int) -> None:
    """One thread against the calls that it must make."""
    numba.set_num_threads(1)
    costs = call_costs_ns(repeats)
    print("one call, ns: " + ", ".join(f"{name} {cost:.1f}" for name, cost in costs.items()))
    points = 2 * WAVELENGTH_nm.size
    for kind in ("lines", "dots"):
        settings = some(kind, 2000)
        taken = least_s(
            {
                "scalars": partial(predict, settings, STEPS, P),
                "spectra": partial(predict_spectra, settings, STEPS, P, WAVELENGTH_nm),
            },
            repeats,
        )
        us = {name: 1e6 * seconds / settings.size for name, seconds in taken.items()}
        count = calls(kind, settings[:200])
        floor = 1e-3 * sum(count[name] * costs[name] for name in FUNCTIONS)
        library = floor + 1e-3 * points * costs["exp"]
        strict = strictly(count, costs)
        vector = floor + 1e-3 * points * costs["vector exp"]
        print(
            f"{kind}: " + ", ".join(f"{name} {count[name]:.0f}" for name in FUNCTIONS) + f", {points} of the spectrum\n"
            f"  observables alone  {us['scalars']:5.2f} us, floor {floor:5.2f} us: {us['scalars'] / floor:.2f} x\n"
            f"  with the spectrum  {us['spectra']:5.2f} us, floor {library:5.2f} us by the library's exp: "
            f"{us['spectra'] / library:.2f} x; {vector:5.2f} us by ours: {us['spectra'] / vector:.2f} x; "
            f"{strict:5.2f} us with those at the nodes by ours too: "
            f"{us['spectra'] / strict:.2f} x"
        )


def with_threads(threads: int, settings: npt.NDArray[np.void], times: int) -> None:
    """So many calls on so many threads."""
    numba.set_num_threads(threads)
    for _ in range(times):
        predict_spectra(settings, STEPS, P, WAVELENGTH_nm)


def against_numpy(repeats: int) -> None:
    """Both with the spectrum."""
    print("one thread, with the spectrum, us of CPU time per setting, arrays checked and results allocated")
    print(f"  {'':6} {'settings':>8} {'numpy':>9} {'vitrail':>9} {'ratio':>6}")
    for kind in ("lines", "dots"):
        for m in (1, 128, 10_000):
            settings = some(kind, m)
            inner = max(1, 500 // m)

            def plain(s: npt.NDArray[np.void] = settings, inner: int = inner) -> None:
                for _ in range(max(1, inner // 20)):
                    spectrum(reference_predict(s, STEPS, P), WAVELENGTH_nm)

            n = max(4, repeats // 3) if m > 1000 else repeats
            cpu = least_s({"numpy": plain, "one": partial(with_threads, 1, settings, inner)}, n)
            numpy_us = 1e6 * cpu["numpy"] / m / max(1, inner // 20)
            fast_us = 1e6 * cpu["one"] / m / inner
            print(f"  {kind:6} {m:8} {numpy_us:9.1f} {fast_us:9.2f} {numpy_us / fast_us:6.0f}")


_WORKER = """
import sys, time
sys.path.insert(0, {folder!r})
from physics import some, with_threads
settings = some({kind!r}, {m})
with_threads(1, settings, 2)
print("ready", flush=True)
sys.stdin.readline()
for _ in range({repeats}):
    begin = time.perf_counter()
    with_threads(1, settings, {inner})
    print(time.perf_counter() - begin, flush=True)
"""


def processes_s(n: int, kind: str, m: int, inner: int, repeats: int) -> float:
    """Median wall time of the calls in n processes that begin together."""
    code = _WORKER.format(folder=str(Path(__file__).parent), kind=kind, m=m, inner=inner, repeats=repeats)
    workers = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  # this program
        for _ in range(n)
    ]
    for worker in workers:
        if worker.stdout is None or worker.stdout.readline().strip() != "ready":
            raise RuntimeError("a process of the benchmark did not begin")
    times: list[float] = []
    for worker in workers:
        if worker.stdin is not None:
            worker.stdin.write("go\n")
            worker.stdin.flush()
    for worker in workers:
        times += map(float, worker.communicate()[0].split())
    return median(times)


def two_threads(repeats: int) -> None:
    """Against one, and against what the machine can give at most."""
    print(
        "two threads, with the spectrum, wall time; the ceiling is twice the work in two processes against one process"
    )
    print(f"  {'':6} {'settings':>8} {'one, us':>8} {'two, us':>8} {'gain':>6} {'ceiling':>8}")
    for kind in ("lines", "dots"):
        for m in (1000, 10_000):
            settings = some(kind, m)
            inner = max(1, 10_000 // m)
            n = max(6, repeats // 2)
            wall = least_s(
                {"one": partial(with_threads, 1, settings, inner), "two": partial(with_threads, 2, settings, inner)},
                n,
                perf_counter,
            )
            ceiling = 2.0 * processes_s(1, kind, m, inner, n) / processes_s(2, kind, m, inner, n)
            one_us, two_us = (1e6 * wall[name] / m / inner for name in ("one", "two"))
            print(f"  {kind:6} {m:8} {one_us:8.2f} {two_us:8.2f} {one_us / two_us:6.2f} {ceiling:8.2f}")


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(description="Cost of the physics model.")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--accuracy", action="store_true")
    arguments = parser.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} processors, load {load} (1, 5, 15 min), numba {numba.__version__}")
    for m in (1, 1000):  # compiles, if it must: few have an entry of their own
        predict_spectra(some("lines", m), STEPS, P, WAVELENGTH_nm)
    first_call()
    against_floor(arguments.repeats)
    against_numpy(arguments.repeats)
    two_threads(arguments.repeats)
    if arguments.accuracy:
        from physics_accuracy import grids  # beside this file

        grids(10, 40, 0.45)


if __name__ == "__main__":
    main()
