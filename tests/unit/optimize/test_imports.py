"""The room is cheap to enter: a help text must not wait for scikit-optimize."""

from __future__ import annotations

import subprocess
import sys


def test_entering_the_room_loads_nothing_heavy() -> None:
    code = (
        "import sys, beamline.optimize as o\n"
        "o.SearchSpace(); o.Objective()\n"
        "o.make_optimizer('random', space=o.SearchSpace(), objective=o.Objective(), layout=lambda c: (), seed=1)\n"
        "print([m for m in ('skopt', 'sklearn', 'numba', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
