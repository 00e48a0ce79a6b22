"""Opens the session that an IPython profile begins with, and gives the names that it has at hand.

What the environment says: `VITRAIL_INSTRUMENT` (instrument.toml; without it the simulated bench), `VITRAIL_DATA` (folder of
the records), `VITRAIL_CAMPAIGN` (a campaign file: its coupons lie in the rack, and `%suggest` asks its optimiser).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from beamline.engine import SessionEngine
from beamline.instrument import Instrument, load_instrument
from beamline.recipe import Coupon, Glass
from beamline.records import keep_warnings, usable_folder
from beamline.session import Session, open_session
from beamline.shell.typed import shell_folder

__all__ = ["abandon", "begin", "open_by_environment", "prepare"]

RACK = (
    Coupon(serial="BR-01", glass=Glass(name="pure-Br", bromide=3, iodide=0)),
    Coupon(serial="BI-01", glass=Glass(name="BrI", bromide=1.5, iodide=1.5)),
    Coupon(serial="I-01", glass=Glass(name="pure-I", bromide=0, iodide=3)),
)
"""What lies in the rack where no campaign file says so."""

_prepared: list[Session] = []


def prepare() -> Session:
    """Open the session before IPython starts, so that what is wrong is said by the command and not by a prompt.

    Raises:
        beamline.problems.BadFileError: the instrument or the campaign file is wrong.
        beamline.session.SessionBusyError: another session works with these records.
        Exception: what else `beamline.session.open_session` raises.
    """
    session = _open_with_log()
    _prepared.append(session)
    return session


def abandon() -> None:
    """Close what was prepared and then not begun; does nothing else."""
    while _prepared:
        _prepared.pop().close()


def refusals() -> tuple[type[Exception], ...]:
    """The errors by which a session says why it cannot be opened; any other is a defect of ours."""
    from beamline.hardware import InstrumentConnectError  # noqa: PLC0415  # where something went wrong
    from beamline.problems import BadFileError  # noqa: PLC0415  # as above
    from beamline.records import RecordError  # noqa: PLC0415  # as above
    from beamline.session import SessionBusyError  # noqa: PLC0415  # as above
    from beamline.watchdog import WatchdogError  # noqa: PLC0415  # as above

    return (BadFileError, SessionBusyError, RecordError, InstrumentConnectError, WatchdogError, OSError)


def in_words(error: Exception) -> str:
    """What one of `refusals` says, with what to do."""
    if type(error).__module__ == "builtins" and isinstance(error, OSError):
        return f"{_data_folder()}: cannot be used: {error.strerror}; give a folder that you may write to"
    return str(error)


def _data_folder() -> Path:
    return Path(os.environ.get("VITRAIL_DATA", "vitrail-data"))


def open_by_environment(*, unattended: bool = False, engine_class: type[SessionEngine] | None = None) -> Session:
    """Open the session that the environment names.

    Args:
        unattended: as of `open_session`.
        engine_class: the same.

    Raises:
        Exception: as `prepare`.
    """
    file, campaign_file = os.environ.get("VITRAIL_INSTRUMENT"), os.environ.get("VITRAIL_CAMPAIGN")
    coupons: tuple[Coupon, ...] = RACK
    seed = 1
    if campaign_file:
        from beamline.campaign import load_campaign  # noqa: PLC0415  # where one is named

        campaign = load_campaign(Path(campaign_file))
        coupons, seed = campaign.coupons, campaign.seed
    return open_session(
        load_instrument(file) if file else Instrument(),
        coupons=coupons,
        data=_data_folder(),
        seed=seed,
        unattended=unattended,
        catalog=False,
        engine_class=engine_class,
    )


def begin(shell: Any) -> dict[str, Any]:
    """Open the session, or take the one that `prepare` has opened, and make an IPython shell at home in it.

    Args:
        shell: from `get_ipython()`.

    Returns:
        The names for the shell's namespace; none where the session cannot be opened, which is said in words.
    """
    import bluesky.plan_stubs as bps  # noqa: PLC0415  # loaded by the engine in any case
    import bluesky.plans as bp  # noqa: PLC0415  # as above
    import bluesky.preprocessors as bpp  # noqa: PLC0415  # as above
    from bluesky.callbacks import LiveTable  # noqa: PLC0415  # as above

    import plans  # noqa: PLC0415  # as above
    from beamline import recipe  # noqa: PLC0415  # as above
    from beamline.experiments import write_pictures  # noqa: PLC0415  # as above
    from beamline.records import Ledger, spectrum  # noqa: PLC0415  # as above
    from beamline.safety import make_safe, safe_state_plan  # noqa: PLC0415  # as above
    from beamline.shell.banner import banner  # noqa: PLC0415  # as above
    from beamline.shell.leaving import leave_safely  # noqa: PLC0415  # as above
    from beamline.versions import versions  # noqa: PLC0415  # as above
    from devices import LineMove  # noqa: PLC0415  # as above

    try:
        session = _prepared.pop() if _prepared else _open_with_log()
    except refusals() as error:  # IPython would show a traceback, and go on as it does now
        sys.stderr.write(f"vitrail: no session: {in_words(error)}\nTo go on: leave with Ctrl-D, mend it, start again\n")
        return {}
    leave_safely(session)
    live = _at_home(shell, session)
    words = ("Coupon", "Dot", "Glass", "HeatTreatment", "Line", "Measurement", "Recipe", "Site")
    sys.stdout.write(banner(session) + "\n")
    return {
        "session": session,
        "RE": session.RE,
        "bench": session.bench,
        **session.bench.roles,
        "records": session.records,
        "cat": session.records,
        "bec": live,
        **{name: getattr(plans, name) for name in plans.__all__},
        **{name: getattr(recipe, name) for name in words},
        "bps": bps,
        "bp": bp,
        "bpp": bpp,
        "LiveTable": LiveTable,
        "LineMove": LineMove,
        "Ledger": Ledger,
        "spectrum": spectrum,
        "write_pictures": write_pictures,
        "versions": versions,
        "make_safe": make_safe,
        "safe_state_plan": safe_state_plan,
    }


def _open_with_log() -> Session:
    """The session of the environment, with its warnings in a file; where that cannot be written, none."""
    session = open_by_environment()
    try:
        keep_warnings(session.records.folder)
        with usable_folder(session.records.folder):
            shell_folder(session.records.folder)
    except BaseException:
        session.close()
        raise
    return session


def _at_home(shell: Any, session: Session) -> Any:
    """Magics, completion, log, words for errors, prompt, live table and plots; gives the last."""
    from beamline.shell.advice_magics import AdviceMagics  # noqa: PLC0415  # IPython, which only a shell has
    from beamline.shell.completion import install_completion  # noqa: PLC0415  # as above
    from beamline.shell.errors import PAUSED, show_in_words  # noqa: PLC0415  # as above
    from beamline.shell.live import Live  # noqa: PLC0415  # as above
    from beamline.shell.magics import BenchMagics  # noqa: PLC0415  # as above
    from beamline.shell.prompts import KindPrompts  # noqa: PLC0415  # as above
    from beamline.shell.records_magics import RecordsMagics  # noqa: PLC0415  # as above
    from beamline.shell.typed import TypedLog  # noqa: PLC0415  # as above

    kind = session.instrument.kind
    campaign = os.environ.get("VITRAIL_CAMPAIGN")
    advice = AdviceMagics(shell, session, Path(campaign) if campaign else None)
    for magics in (BenchMagics(shell, session), RecordsMagics(shell, session), advice):
        shell.register_magics(magics)
    install_completion(shell, session.bench)
    TypedLog(session.records.folder, f"{session.instrument.name} ({kind})").install(shell)
    show_in_words(shell)
    session.RE.pause_msg = PAUSED
    shell.prompts = KindPrompts(shell, kind)
    live = Live(on_window=lambda _backend: shell.enable_matplotlib())
    session.RE.subscribe(live)
    session.RE.preprocessors.append(live.before_a_plan)
    return live
