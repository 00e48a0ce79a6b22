"""A bench on the wire for tests: the twin served by the instruments' protocols, the file of a bench that is reached there, and
the end, at which no watchdog of this process may be left behind.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waiting import until

from devices.twin.wire import WireTwin, serve_twin

HEAD = """
name = "bench-1"
kind = "bench"

[bench]
speed = {speed}

[bench.laser.light_conversion]
host = "127.0.0.1"
port = {laser}
calibration = [[0.0, 0.0], [100.0, 400.0]]
transmission = 0.6
numerical_aperture = 0.4
poll_s = {poll_s}

[bench.stage.zaber]
host = "127.0.0.1"
port = {stage}
microstep_um = [0.1, 0.1, 0.1]
gate_output = 1
poll_s = {poll_s}

[bench.furnace.eurotherm]
{furnace_line}
highest_C = 600.0
poll_s = {furnace_poll_s}
"""

SPECTROMETER = """
[bench.spectrometer.ocean]
host = "127.0.0.1"
port = {spectrometer}
has_lamp = true
warm_up_s = 0.1
read_noise_counts = 10.0
gain_counts_per_electron = 0.3
"""

LIFETIME = """
[bench.lifetime.files]
folder = "{lifetime_folder}"
n_bins = 4096
bin_width_ns = 0.128
excitation_rate_kHz = 500.0
filters = ["all", "green", "red"]
poll_s = 0.05
"""

MANUAL = """
[bench.changer.manual]
"""

CAROUSEL = """
[bench.changer.carousel]
host = "127.0.0.1"
port = {carousel}
slots = {{ {slots} }}
poll_s = 0.05
"""


def bench_file(
    ports: Mapping[str, int],
    *,
    speed: float = 1.0,
    poll_s: float = 0.03,
    furnace_poll_s: float = 0.05,
    furnace_serial_port: str = "",
    lifetime_folder: Path | None = None,
    slots: Mapping[str, int] | None = None,
) -> str:
    """The instrument file of a bench on loopback.

    Args:
        ports: of laser, stage, furnace; spectrometer and carousel where there are any.
        speed: of its clock.
        poll_s: of laser and stage.
        furnace_poll_s: of the furnace.
        furnace_serial_port: its controller is a 3200 on this line, instead of an EPC3000 by TCP.
        lifetime_folder: of the lifetime counter, where there is one.
        slots: of the carousel's coupons; None: a person carries them.
    """
    furnace_line = (
        f'model = "3200"\nserial_port = "{furnace_serial_port}"'
        if furnace_serial_port
        else f'model = "EPC3000"\nhost = "127.0.0.1"\nport = {ports["furnace"]}'
    )
    pieces = [HEAD]
    pieces += [SPECTROMETER] if "spectrometer" in ports else []
    pieces += [LIFETIME] if lifetime_folder is not None else []
    pieces += [MANUAL if slots is None else CAROUSEL]
    values: dict[str, Any] = {
        **ports,
        "speed": speed,
        "poll_s": poll_s,
        "furnace_poll_s": furnace_poll_s,
        "furnace_line": furnace_line,
        "lifetime_folder": lifetime_folder,
        "slots": ", ".join(f"{serial} = {slot}" for serial, slot in (slots or {}).items()),
    }
    return "".join(pieces).format(**values)


def ports_of(wire: WireTwin) -> dict[str, int]:
    """Where laser, stage and furnace of a served twin are."""
    return {"laser": wire.laser.port, "stage": wire.stage.port, "furnace": wire.furnace.port or 0}


@contextmanager
def served_twin(*args: Any, **options: Any) -> Iterator[WireTwin]:
    """`serve_twin`, whose servers stay until no watchdog of this process needs them."""
    with serve_twin(*args, **options) as wire:
        yield wire
        wait_for_watchdogs()


def wait_for_watchdogs(timeout_s: float = 20.0) -> None:
    """Wait until every watchdog that this process has started is gone, as it is once it has seen a safe bench.

    Raises:
        AssertionError: one stays; it is killed.
    """
    try:
        until(lambda: not watchdogs(), timeout_s)
    except AssertionError:
        left = watchdogs()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        raise AssertionError(f"watchdogs are left behind, and were killed: {left}") from None


def watchdogs() -> list[int]:
    """Processes of the watchdogs that this process has started, and that run."""
    if sys.platform != "linux":
        return []
    mine = f"{os.getpid()}"
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            is_one = parent == mine and state != "Z" and b"beamline.watchdog" in (process / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if is_one:
            found.append(int(process.name))
    return found
