"""Who is let in: every route without the token, names and origins that are not ours, paths that lead out, sizes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import BaseRoute, Route
from web_client import OURS, Client

from beamline.audit import audit_path, read_audit
from beamline.campaign.asked import asked_path, read_asked
from beamline.web.app import host_names, make_app
from beamline.web.guard import MOST_BODY_BYTES, Hosts

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")
OTHER_TOKENS = (
    {},
    {"Authorization": "Bearer " + "0" * 64},
    {"Authorization": "Basic TOKEN"},
    {"Cookie": "token=TOKEN"},
)
OTHER_NAMES = (
    *(
        "evil.example",
        "evil.example:8765",
        "127.0.0.1.evil.example",
        "localhost.",
        "",
        "127.0.0.1@evil.example",
        "[::1",
    ),
    *("0.0.0.0", "192.168.0.7"),  # noqa: S104  # names, nothing is bound
)
OTHER_ORIGINS = (
    *("http://evil.example", "null", "https://127.0.0.1:8765", "http://127.0.0.1:8766", "http://localhost:8765", ""),
)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def filled(route: Route, uid: str) -> str:
    file = "night.js" if route.path.startswith("/static") else "report.html"
    return route.path.format(uid=uid, file=file, serial="C1", name="A1")


def served(folder: Path, token: str, **about: Any) -> Client:
    return Client(make_app(folder, token, **about))


def ask(client: Client, uid: str, what: str, **headers: str) -> Any:
    return client.post(f"/api/campaigns/{uid}/ask", json={"what": what, "reason": "why not"}, headers=headers)


every_route = pytest.mark.parametrize(
    "route", make_app(Path("nowhere"), "").routes, ids=lambda route: getattr(route, "path", repr(route))
)
"""As the application itself has them: one that is added is tried."""


@every_route
def test_a_route_is_of_the_kind_that_is_tried_here(whole: Path, uid: str, token: str, route: BaseRoute) -> None:
    """What holds routes of its own (`Mount`), a web socket or a path with names that nobody fills in would not be."""
    assert type(route) is Route
    with served(whole, token) as client:
        answer = client.request(min(route.methods or ()), filled(route, uid))
    assert answer.status_code not in (404, 405)  # its name is filled in with something that is there
    assert (answer.headers["content-type"] == "text/event-stream; charset=utf-8") == route.path.endswith("/events")


@every_route
def test_without_the_token_nothing_changes_by_any_method_of_any_route(
    running: Path, uid: str, token: str, route: Route
) -> None:
    before = contents(running)
    with served(running, token) as client:
        for method in METHODS:
            for other in OTHER_TOKENS:
                offered = {key: value.replace("TOKEN", token) for key, value in other.items()}
                answer = client.request(
                    method,
                    filled(route, uid),
                    json={"what": "stop", "reason": ""},
                    params={"token": token},
                    headers=offered,
                )
                if method not in ("GET", "HEAD"):
                    assert answer.status_code in (401, 405), (method, answer.status_code)
                assert answer.status_code < 500
                assert "access-control-allow-origin" not in answer.headers
    assert contents(running) == before


def test_only_two_routes_take_anything_but_reading() -> None:
    routes = [route for route in make_app(Path("nowhere"), "").routes if isinstance(route, Route)]
    assert [route.path for route in routes if not set(route.methods or ()) <= {"GET", "HEAD"}] == [
        "/api/campaigns/{uid}/ask",
        "/api/campaigns/{uid}/decide",
    ]


def test_with_the_token_it_is_asked_and_noted(running: Path, uid: str, token: str) -> None:
    with served(running, token) as client:
        assert client.get("/api/token", headers={"Authorization": f"Bearer {token}"}).status_code == 204
        assert ask(client, uid, "pause", Authorization=f"Bearer {token}").status_code == 202
        night = client.get(f"/api/campaigns/{uid}").json()
        assert (night["asked"]["what"], night["may_ask"]) == ("pause", ["go on", "stop"])
        again = ask(client, uid, "pause", Authorization=f"Bearer {token}")
        assert again.status_code == 409
        assert "can be asked: go on, stop" in again.json()["error"]
    asked = read_asked(running, uid)
    assert asked is not None
    assert (asked.what, asked.interface, asked.reason) == ("pause", "web", "why not")
    assert [(e["interface"], e["action"]) for e in read_audit(running)] == [("web", "pause"), ("web", "pause refused")]
    assert token not in audit_path(running).read_text()


@pytest.mark.parametrize(
    "wrong",
    [
        (b"{", "application/json", 422),
        (b'"stop"', "application/json", 422),
        (b'{"what": "fire"}', "application/json", 422),
        (b'{"what": "stop", "and": 1}', "application/json", 422),
        (b'{"what": "stop", "reason": 3}', "application/json", 422),
        (json.dumps({"what": "stop", "reason": "x" * 201}).encode(), "application/json", 422),
        (b"[" * 4000, "application/json", 422),
        (b'{"what": "stop"}', "text/plain", 415),
        (b"what=stop", "application/x-www-form-urlencoded", 415),
        (b" " * (MOST_BODY_BYTES + 1), "application/json", 413),
    ],
)
def test_what_is_no_wish_is_refused(running: Path, uid: str, token: str, wrong: tuple[bytes, str, int]) -> None:
    body, kind, status = wrong
    with served(running, token) as client:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        assert client.post(f"/api/campaigns/{uid}/ask", content=body, headers=headers).status_code == status
    assert not asked_path(running, uid).exists()


async def pieces() -> AsyncIterator[bytes]:
    yield b'{"what": "stop"}'


def test_a_body_without_a_length_is_refused(running: Path, uid: str, token: str) -> None:
    with served(running, token) as client:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = client.post(f"/api/campaigns/{uid}/ask", content=pieces(), headers=headers)
        assert answer.status_code == 411
    assert not asked_path(running, uid).exists()


@every_route
def test_by_a_name_that_is_not_ours_it_says_nothing(running: Path, uid: str, token: str, route: Route) -> None:
    """DNS rebinding: a name of somebody else's that points at this machine."""
    before = contents(running)
    with served(running, token) as client:
        for host in OTHER_NAMES:
            for method in ("GET", "POST"):
                headers = {"Host": host, "Authorization": f"Bearer {token}"}
                answer = client.request(method, filled(route, uid), json={"what": "stop"}, headers=headers)
                assert (answer.status_code, list(answer.json())) == (421, ["error"]), host
    assert contents(running) == before


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8765", "localhost:1", "LOCALHOST", "[::1]:8765"])
def test_by_ours_it_does(client: Client, host: str) -> None:
    assert client.get("/api/campaigns", headers={"Host": host}).status_code == 200


@every_route
def test_a_page_of_another_origin_gets_nothing(running: Path, uid: str, token: str, route: Route) -> None:
    before = contents(running)
    elsewhere = [{"Origin": origin} for origin in OTHER_ORIGINS] + [{"Sec-Fetch-Site": "cross-site"}]
    with served(running, token) as client:
        for headers in elsewhere:
            for method in ("GET", "POST"):
                with_token = {**headers, "Authorization": f"Bearer {token}"}
                answer = client.request(method, filled(route, uid), json={"what": "stop"}, headers=with_token)
                assert (answer.status_code, list(answer.json())) == (403, ["error"]), headers
                assert "access-control-allow-origin" not in answer.headers
    assert contents(running) == before


def test_a_page_of_this_one_does(running: Path, uid: str, token: str) -> None:
    with served(running, token) as client:
        assert ask(client, uid, "stop", Origin=OURS, Authorization=f"Bearer {token}").status_code == 202


def test_a_link_from_elsewhere_may_be_followed_and_data_not_be_fetched(client: Client, uid: str) -> None:
    navigates = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=navigates).status_code == 200
    assert (
        client.get(
            f"/api/campaigns/{uid}", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        ).status_code
        == 403
    )


@pytest.mark.parametrize(
    "path",
    [
        "/campaigns/{uid}/report/..%2f..%2fweb.token",
        "/campaigns/{uid}/report/%2e%2e%2fsession.lock",
        "/campaigns/{uid}/report/secret.key",
        "/campaigns/{uid}/report/link.html",
        "/campaigns/{uid}/report/report.html%00.png",
        "/campaigns/..%2f..%2fetc/report/report.html",
        "/static/..%2fapp.py",
        "/static/..%2f..%2f..%2fpyproject.toml",
        "/static/%2e%2e/app.py",
        "/static/night.js%00",
        "/static//etc/passwd",
        "/api/campaigns/..%2f/coupons/C1",
        "/api/campaigns/{uid}/coupons/..%2f..%2fC1",
        "/api/campaigns/{uid}/coupons/C1/sites/%00",
        "/api/campaigns/nobody",
        "/campaigns/nobody",
        "/compare?uid=nobody",
        "/nowhere",
    ],
)
def test_what_leads_out_or_nowhere_is_not_there(client: Client, uid: str, path: str) -> None:
    answer = client.get(path.format(uid=uid))
    assert answer.status_code == 404
    assert answer.json()["error"]


@settings(max_examples=12)
@given(path=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40))
def test_no_path_makes_it_fail(whole: Path, token: str, path: str) -> None:
    from urllib.parse import quote

    with served(whole, token) as client:
        for begin in ("/campaigns/", "/static/", "/api/campaigns/", "/"):
            assert client.get(begin + quote(path, safe="/?&=")).status_code in (200, 400, 404, 405)


def test_an_address_that_is_too_long_is_refused(client: Client) -> None:
    assert client.get("/static/" + "a" * 3000).status_code == 414


def test_every_answer_carries_the_policy(client: Client, uid: str) -> None:
    for path in ("/", "/campaigns", f"/compare?uid={uid}", "/nowhere", "/static/night.js", f"/api/campaigns/{uid}"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    report = client.get(f"/campaigns/{uid}/report/report.html").headers["content-security-policy"]
    assert "script-src" not in report
    assert "sandbox" in report


def test_nothing_is_fetched_from_elsewhere() -> None:
    here = Path(__file__).parents[3] / "beamline" / "web"
    for path in [*here.glob("static/*"), *here.glob("templates/*")]:
        words = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in words
        assert "https://" not in words
        assert "@import" not in words
        assert "innerHTML" not in words
        assert "style=" not in words
        assert "onclick" not in words


def test_addresses_are_names_only_where_others_may_come() -> None:
    assert not Hosts().has("192.168.0.7:8765")
    assert host_names("0.0.0.0", ()).has("192.168.0.7:8765")  # noqa: S104  # a name, nothing is bound
    assert not host_names("0.0.0.0", ()).has("bench.example")  # noqa: S104
    assert host_names("0.0.0.0", ("Bench.example",)).has("bench.example:8765")  # noqa: S104
    assert host_names("127.0.0.1", ()) == Hosts()


def test_texts_of_others_are_texts(tmp_path: Path, token: str, uid: str) -> None:
    from made_up_nights import cut_night

    cut_night(tmp_path)
    with served(tmp_path, token) as client:
        for path in ("/", "/campaigns", f"/compare?uid={uid}"):
            assert "<script>alert" not in client.get(path).text
        assert "<script>alert('laser')</script>" in json.dumps(client.get(f"/api/campaigns/{uid}").json())
        assert client.get(f"/api/campaigns/{uid}").headers["content-type"] == "application/json"
