"""The routes of the web page. All of them read, but two: `POST .../ask` and `POST .../decide`, which want the token."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from anyio import to_thread
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from beamline.audit import note_action
from beamline.campaign.answering import Verdict, give
from beamline.campaign.asked import Ask, AskedError, ask
from beamline.campaign.question import AnswerError, open_question
from beamline.recipe import Frozen
from beamline.versions import versions
from beamline.web.compare import compared, listed, report_file
from beamline.web.guard import Guard, Hosts
from beamline.web.hub import Hub, TooManyError, encoded
from beamline.web.night import NightReader
from beamline.web.token import is_token

__all__ = ["ROUTES", "host_names", "make_app"]

_Word = TypeVar("_Word", bound=Frozen)
HERE: Final = Path(__file__).parent
MOST_COMPARED: Final = 6
_UID: Final = re.compile(r"[0-9A-Za-z-]{1,64}\Z")
_FILE: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,80}\Z")
_KINDS: Final = {
    ".html": "text/html",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".csv": "text/csv",
    ".json": "application/json",
}
_REPORT_POLICY: Final = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-downloads allow-popups"
)
"""A report is a page by itself with its style inside, made from the records: it may draw, and nothing else."""


def make_app(folder: Path, token: str, *, hosts: Hosts | None = None) -> Starlette:
    """The application.

    Args:
        folder: of the records.
        token: with which a night can be asked to wait, to go on, to end, and its questions be answered.
        hosts: by which names it may be called; None: those of this machine's loopback.
    """
    hub = Hub(folder)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        hub.close()

    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Guard, hosts=hosts or Hosts())],
        exception_handlers={HTTPException: _http_error, LookupError: _not_there},  # type: ignore[dict-item]  # Starlette types them for Exception
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # an address is one of ours or is not
    app.state.hub = hub
    app.state.folder = folder
    app.state.token = token
    app.state.pages = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,  # names and reasons come from files, instruments and people
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return app


class Wish(Frozen):
    """What comes with `POST .../ask`."""

    what: Ask
    reason: Annotated[str, Field(max_length=200)] = ""


class Decided(Frozen):
    """What comes with `POST .../decide`: about which question, and as of `beamline.campaign.answering.give`."""

    question: Annotated[str, Field(max_length=64)]
    verdict: Verdict
    note: Annotated[str, Field(max_length=1000)] = ""
    by: Annotated[str, Field(max_length=60)] = ""
    changes: dict[Annotated[str, Field(max_length=80)], Annotated[str, Field(max_length=40)]] = Field(
        default_factory=dict, max_length=2000
    )
    sites: Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(max_length=400)] = ()


# ------------------------------------------------------------------------------------------------------------------ pages
async def newest(request: Request) -> Response:
    """The campaign that runs, or was the last to."""
    uids = await _hub(request).uids()
    if not uids:
        return _page(request, "empty", folder=str(request.app.state.folder))
    return await _night_page(request, uids[-1], is_newest=True)


async def night(request: Request) -> Response:
    """One campaign."""
    return await _night_page(request, await _uid(request), is_newest=False)


async def campaigns(request: Request) -> Response:
    """All campaigns, to be opened or compared."""
    rows = await to_thread.run_sync(listed, _hub(request).records)
    return _page(request, "campaigns", rows=rows, most=MOST_COMPARED)


async def compare(request: Request) -> Response:
    """Some campaigns side by side."""
    uids = list(dict.fromkeys(request.query_params.getlist("uid")))
    if not 1 <= len(uids) <= MOST_COMPARED:
        raise HTTPException(400, f"choose 2 to {MOST_COMPARED} campaigns; {len(uids)} were chosen")
    readers = [await _reader(request, uid) for uid in uids]
    return _page(request, "compare", **await to_thread.run_sync(compared, readers))


async def report(request: Request) -> Response:
    """A file of a campaign's morning report."""
    uid, file = await _uid(request), str(request.path_params["file"])
    name = (await _reader(request, uid)).name
    kind = _KINDS.get(Path(file).suffix)
    path = report_file(request.app.state.folder, name, uid, file) if kind and _FILE.match(file) else None
    if path is None:
        raise HTTPException(404, f"no such report; `vitrail campaign report {uid[:8]}` makes it")
    return FileResponse(path, media_type=kind, headers={"Content-Security-Policy": _REPORT_POLICY})


async def static(request: Request) -> Response:
    """Style and script."""
    file = request.path_params["file"]
    kind = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}.get(Path(file).suffix)
    path = HERE / "static" / file
    if kind is None or not _FILE.match(file) or not path.is_file():
        raise HTTPException(404, "no such file")
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "no-cache"})


# ------------------------------------------------------------------------------------------------------------------- data
async def api_campaigns(request: Request) -> Response:
    """The list as data."""
    return JSONResponse(await to_thread.run_sync(listed, _hub(request).records))


async def api_night(request: Request) -> Response:
    """A campaign as data."""
    return Response(await _hub(request).snapshot(await _uid(request)), media_type="application/json")


async def api_events(request: Request) -> Response:
    """The same again and again, as it changes."""
    try:
        events = await _hub(request).follow(await _uid(request))
    except TooManyError as error:
        raise HTTPException(503, str(error)) from error
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def api_coupon(request: Request) -> Response:
    """Furnace curve and newest spectrum of a coupon."""
    reader = await _reader(request, await _uid(request))
    return _found(await to_thread.run_sync(reader.coupon, request.path_params["serial"]))


async def api_site(request: Request) -> Response:
    """Recipe, outcome, spectrum and history of a site."""
    reader = await _reader(request, await _uid(request))
    return _found(await to_thread.run_sync(reader.site, request.path_params["serial"], request.path_params["name"]))


async def api_token(request: Request) -> Response:
    """Says whether the token that comes with it is the right one."""
    _want_token(request)
    return Response(status_code=204)


async def api_ask(request: Request) -> Response:
    """Ask the night to wait, to go on, to end."""
    _want_token(request)
    uid = await _uid(request)
    wish = await _body(request, Wish, '{"what": "pause" | "go on" | "stop", "reason": at most 200 characters}')
    what, reason = wish.what, " ".join(wish.reason.split())
    folder: Path = request.app.state.folder
    about = {"uid": uid, **({"reason": reason} if reason else {})}
    try:
        asked = await to_thread.run_sync(lambda: ask(folder, uid, what, interface="web", reason=reason))
    except AskedError as error:
        note_action(folder, "web", f"{what} refused", **about)
        raise HTTPException(409, str(error)) from error
    except OSError as error:
        raise HTTPException(500, f"it could not be written: {error.strerror}") from error
    note_action(folder, "web", what, **about)
    await _hub(request).snapshot(uid, is_fresh=True)
    return JSONResponse({"asked": asked.what, "at": asked.at}, 202)


async def api_decide(request: Request) -> Response:
    """Answer what the night asks about its next coupon."""
    _want_token(request)
    uid = await _uid(request)
    about = '"note", "by": texts, "changes": {key: text, ...}, "sites": [names]'
    said = await _body(request, Decided, f'{{"question": number, "verdict": "approve" | "edit" | "reject", {about}}}')
    folder: Path = request.app.state.folder
    question = await to_thread.run_sync(open_question, folder, uid)
    if question is None:
        raise HTTPException(
            409, "the night does not wait for a decision any more: somebody has decided, or it has ended"
        )
    if question.number != said.question:
        raise HTTPException(409, "this answers an older question: look at what is asked now, and decide again")
    by = " ".join(said.by.split()) or "web page"
    details: dict[str, Any] = {"note": said.note, "changes": said.changes, "sites": said.sites}
    try:
        given = await to_thread.run_sync(
            lambda: give(folder, question, said.verdict, by=by, interface="web", **details)
        )
    except AnswerError as error:
        raise HTTPException(409, str(error)) from error
    except OSError as error:
        raise HTTPException(500, f"it could not be written: {error.strerror}") from error
    await _hub(request).snapshot(uid, is_fresh=True)
    return JSONResponse({"decided": given.decision.kind, "by": by, "at": given.at}, 202)


ROUTES: Final = (
    Route("/", newest),
    Route("/campaigns", campaigns),
    Route("/campaigns/{uid}", night),
    Route("/campaigns/{uid}/report/{file}", report),
    Route("/compare", compare),
    Route("/static/{file}", static),
    Route("/api/campaigns", api_campaigns),
    Route("/api/campaigns/{uid}", api_night),
    Route("/api/campaigns/{uid}/events", api_events),
    Route("/api/campaigns/{uid}/coupons/{serial}", api_coupon),
    Route("/api/campaigns/{uid}/coupons/{serial}/sites/{name}", api_site),
    Route("/api/token", api_token),
    Route("/api/campaigns/{uid}/ask", api_ask, methods=["POST"]),
    Route("/api/campaigns/{uid}/decide", api_decide, methods=["POST"]),
)


# ---------------------------------------------------------------------------------------------------------------- helpers
def _hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


async def _uid(request: Request) -> str:
    """The campaign of the path, if there is one."""
    uid = str(request.path_params["uid"])
    await _reader(request, uid)
    return uid


async def _reader(request: Request, uid: str) -> NightReader:
    if not _UID.match(uid):
        raise HTTPException(404, "no such campaign")
    try:
        return await _hub(request).reader(uid)
    except LookupError:
        raise HTTPException(404, "no such campaign") from None


def _want_token(request: Request) -> None:
    """A header, and no cookie: a browser sends it only where a script of this page does.

    Raises:
        HTTPException: it is not there, or another one.
    """
    scheme, _, offered = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not is_token(offered.strip(), request.app.state.token):
        raise HTTPException(401, "the token is wanted", {"WWW-Authenticate": "Bearer"})


async def _body(request: Request, kind: type[_Word], wanted: str) -> _Word:
    """What comes with a request.

    Raises:
        HTTPException: it is not JSON, or not what is wanted.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "application/json is wanted")
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError:
        raise HTTPException(422, wanted) from None


def _found(plain: dict[str, Any] | None) -> Response:
    if plain is None:
        raise HTTPException(404, "the campaign has none such")
    return Response(encoded(plain), media_type="application/json")


async def _night_page(request: Request, uid: str, *, is_newest: bool) -> Response:
    reader = await _reader(request, uid)
    has_report = report_file(request.app.state.folder, reader.name, uid, "report.html") is not None
    return _page(request, "night", uid=uid, name=reader.name, is_newest=is_newest, has_report=has_report)


def _page(request: Request, page: str, status: int = 200, **about: Any) -> Response:
    template = request.app.state.pages.get_template(f"{page}.html.jinja")
    return HTMLResponse(template.render(page=page, version=versions()["vitrail"], **about), status)


def _wants_page(request: Request) -> bool:
    return not request.url.path.startswith("/api") and "text/html" in request.headers.get("accept", "")


async def _http_error(request: Request, error: HTTPException) -> Response:
    if _wants_page(request):
        return _page(request, "error", error.status_code, status_code=error.status_code, why=error.detail)
    return JSONResponse({"error": error.detail}, error.status_code, headers=dict(error.headers or {}))


async def _not_there(request: Request, _error: LookupError) -> Response:
    return await _http_error(request, HTTPException(404, "it is not in the records"))


def host_names(host: str, more: Iterable[str]) -> Hosts:
    """By which names a server is called that listens on `host`: addresses too where that is not loopback."""
    is_loopback = host in Hosts().names
    return Hosts(any_address=not is_loopback).with_names([*([] if is_loopback else [host]), *more])
