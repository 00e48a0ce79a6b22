"""Start-up of an IPython session at the instrument: `ipython --profile-dir=profile`.

The engine `RE`, the devices by name, the plans, the records; all the work is done by `beamline.session`. Leaving the
session makes the bench safe. docs/how-to/at-the-instrument.md shows how to work with it.
"""

import atexit
import os
import signal
from pathlib import Path

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
from bluesky.callbacks import LiveTable

from beamline.instrument import Instrument, load_instrument
from beamline.recipe import Coupon, Dot, Glass, HeatTreatment, Line, Measurement, Recipe, Site
from beamline.records import spectrum
from beamline.safety import make_safe, safe_state_plan
from beamline.session import open_session
from beamline.versions import versions
from devices import LineMove
from plans import *  # noqa: F403  # a session has every plan at hand

_file = os.environ.get("VITRAIL_INSTRUMENT")
session = open_session(
    load_instrument(_file) if _file else Instrument(),
    coupons=[
        Coupon(serial="BR-01", glass=Glass(name="pure-Br", bromide=3, iodide=0)),
        Coupon(serial="BI-01", glass=Glass(name="BrI", bromide=1.5, iodide=1.5)),
        Coupon(serial="I-01", glass=Glass(name="pure-I", bromide=0, iodide=3)),
    ],
    data=Path(os.environ.get("VITRAIL_DATA", "vitrail-data")),
    seed=1,
    unattended=False,
    catalog=False,
)


def _leave() -> None:
    """Safe first, then an end for the run of a plan that was left paused, and safe again after its clean-up."""
    make_safe(bench)
    try:
        if RE.state == "paused":
            RE.abort("the session was left")
    finally:
        for step in session.close():
            if step.error is not None:
                print(step)  # noqa: T201


def _die(number: int, _frame: object) -> None:
    """A closed terminal or a kill ends the process as ever, but not before the bench is safe."""
    session.close()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


atexit.register(_leave)
for _number in (signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(_number) is not signal.SIG_IGN:
        signal.signal(_number, _die)

RE, bench, records = session.RE, session.bench, session.records
laser, stage, furnace, spectrometer, changer = (
    bench.laser,
    bench.stage,
    bench.furnace,
    bench.spectrometer,
    bench.changer,
)
print(f"vitrail: {session.instrument.name} ({session.instrument.kind}); RE, bench, records, laser, stage, furnace, ...")  # noqa: T201
