"""How long a person waits: for `vitrail --help`, and for the prompt of `vitrail shell`; and what that is spent on.

    python benchmarks/startup.py

Each is measured in processes of its own, with warm caches (one run before those that count). What it is spent on is the
sum of `python -X importtime` by package, each module's own time, over the imports of a session that opens the twin.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import pexpect

N_HELP, N_SHELL = 9, 5
HELP_S, SHELL_S = 0.3, 5.0
"""What is promised."""
SESSION = """
import time
from beamline.shell.ipython import configure
from beamline.shell import prepare, abandon
from IPython.terminal.ipapp import TerminalIPythonApp
import bluesky.plans, plans, beamline.shell.banner, beamline.shell.leaving, beamline.shell.magics
import beamline.shell.records_magics, beamline.shell.advice_magics
begin_s = time.perf_counter()
prepare()
print("opened", time.perf_counter() - begin_s)
abandon()
"""
ENVIRONMENT = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "MPLBACKEND": "Agg"}


def help_s() -> float:
    """One `vitrail --help`."""
    begin_s = time.perf_counter()
    subprocess.run([sys.executable, "-m", "beamline.cli", "--help"], check=True, capture_output=True)
    return time.perf_counter() - begin_s


def prompt_s(data: Path) -> float:
    """From the command to the first prompt of a shell on the twin."""
    begin_s = time.perf_counter()
    words = ["-m", "beamline.cli", "shell", "--data", str(data)]
    shell = pexpect.spawn(sys.executable, words, env=ENVIRONMENT, encoding="utf-8", timeout=60, dimensions=(40, 160))
    shell.expect(r"In \[")
    taken_s = time.perf_counter() - begin_s
    shell.send("exit\r")
    shell.expect(pexpect.EOF)
    shell.close()
    return taken_s


def spent_on(data: Path) -> tuple[dict[str, float], float]:
    """Seconds by package, and those that opening the session takes after the imports."""
    done = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-X", "importtime", "-c", SESSION],
        env={**ENVIRONMENT, "VITRAIL_DATA": str(data)},
        capture_output=True,
        text=True,
        check=True,
    )
    by_package: dict[str, float] = defaultdict(float)
    for own_us, name in re.findall(r"import time: +(\d+) \| +\d+ \| +(\S+)", done.stderr):
        by_package[name.split(".")[0]] += int(own_us) * 1e-6
    return dict(by_package), float(re.findall(r"opened ([\d.e-]+)", done.stdout)[0])


def main() -> None:
    """Measure, and say it; exit code 1 where a promise is not kept."""
    help_s()
    helps = [help_s() for _ in range(N_HELP)]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        prompt_s(data)
        prompts = [prompt_s(data) for _ in range(N_SHELL)]
        spent_on(data)
        packages, opened_s = spent_on(data)
    print(f"vitrail --help   median {statistics.median(helps):.3f} s of {N_HELP} (promised: {HELP_S} s)")
    print(
        f"vitrail shell    median {statistics.median(prompts):.2f} s to the prompt, of {N_SHELL} (promised: {SHELL_S} s)"
    )
    total_s = sum(packages.values())
    print(f"spent on imports {total_s:.2f} s (with the cost of measuring it), on opening the twin {opened_s:.2f} s:")
    for name, seconds in sorted(packages.items(), key=lambda item: -item[1])[:14]:
        print(f"  {name:<22} {seconds:6.3f} s  {100 * seconds / total_s:4.1f} %")
    if statistics.median(helps) > HELP_S or statistics.median(prompts) > SHELL_S:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
