"""What the queue server's worker imports: the engine `RE`, the devices by name, the plans that the queue offers.

The session is that of `vitrail shell`: instrument, records and campaign file come from the environment.
"""

from beamline.remote.engine import QueueEngine
from beamline.remote.offered import offered_plans
from beamline.remote.worker import QueueSession
from beamline.shell.start import open_by_environment

_held = QueueSession(open_by_environment(unattended=True, engine_class=QueueEngine))
_held.leave_safely()

RE = _held.engine
globals().update(_held.session.bench.roles)
globals().update(offered_plans(_held))
