"""Start-up of an IPython session at the instrument: `ipython --profile-dir=profile`.

The engine `RE`, the devices by name, the plans, the records; all the work is done by `beamline.session`.
"""

import os
from pathlib import Path

import bluesky.plan_stubs as bps
import bluesky.plans as bp
from bluesky.callbacks import LiveTable

from beamline.instrument import Instrument
from beamline.recipe import Coupon, Dot, Glass, HeatTreatment, Line, Measurement, Recipe, Site
from beamline.session import open_session
from devices import LineMove
from plans import *  # noqa: F403  # a session has every plan at hand

session = open_session(
    Instrument(),
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
RE, bench, records = session.RE, session.bench, session.records
laser, stage, furnace, spectrometer, changer = (
    bench.laser,
    bench.stage,
    bench.furnace,
    bench.spectrometer,
    bench.changer,
)
print(f"vitrail: {session.instrument.name} ({session.instrument.kind}); RE, bench, records, laser, stage, furnace, ...")  # noqa: T201
