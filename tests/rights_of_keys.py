"""What a key of served records opens, and what it must not; used by the tests of catalogs that others read."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest


def listening_addresses(pid: int) -> list[str]:
    inodes = {os.path.realpath(path).rpartition("/")[2] for path in Path(f"/proc/{pid}/fd").iterdir()}
    found = []
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            found.append(socket.inet_ntoa(bytes.fromhex(fields[1].split(":")[0])[::-1]))
    return found


def asking(api: str, key_of_most: str) -> Callable[..., httpx.Response]:
    """A request with a key, each without the cookies of another."""

    def ask(method: str, path: str, key: str | None = key_of_most, **more: Any) -> httpx.Response:
        headers = {} if key is None else {"Authorization": f"Apikey {key}"}
        with httpx.Client(base_url=api, trust_env=False, headers=headers) as client:
            return client.request(method, path, **more)

    return ask


NODE = {"structure_family": "container", "metadata": {}, "specs": [], "data_sources": []}


def assert_only_reads(api: str, reader_key: str) -> None:
    """All that the reader's key opens, and all that it must not."""
    ask = asking(api, reader_key)
    listed = ask("GET", "search/")
    assert listed.status_code == 200
    uid = listed.json()["data"][0]["id"]
    writing: list[tuple[str, str, Any]] = [
        ("DELETE", f"metadata/{uid}?recursive=true&external_only=false", None),
        ("DELETE", "metadata/?recursive=true&external_only=false", None),
        ("POST", "metadata/", NODE),
        ("POST", f"metadata/{uid}", NODE),
        ("POST", "register/", NODE),
        ("PUT", f"metadata/{uid}", {"metadata": {}, "specs": []}),
        ("PATCH", f"metadata/{uid}", {"content-type": "application/json-patch+json", "patch": []}),
        ("PUT", f"array/full/{uid}", None),
        ("PUT", f"table/full/{uid}", None),
    ]
    for method, path, body in writing:
        tried = ask(method, path, json=body)
        assert tried.status_code in (401, 403), (method, path, tried.status_code, tried.text)
        assert "Requires scopes" in tried.text
    for key in (None, reader_key[::-1] + "x"):
        assert ask("GET", "search/", key).status_code == 401
    assert ask("GET", "search/", None, headers={"Authorization": f"Bearer {reader_key}"}).status_code == 401
    assert ask("GET", "search/", None, params={"api_key": reader_key}).status_code == 401
    for path in ("../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "..%2f..%2fcatalog.db", f"{uid}%2f..%2f..%2f.."):
        for route in ("metadata/", "asset/bytes/", "array/full/", ""):
            tried = ask("GET", route + path)
            assert tried.status_code in (400, 404, 405, 422), (route, path, tried.status_code)
            assert b"root:" not in tried.content
    assert ask("GET", f"metadata/{uid}").json()["data"]["id"] == uid  # it is still there


def assert_whole_runs_are_seen(api: str, reader_key: str, owner_key: str) -> None:
    """By readers, and no others."""
    ask = asking(api, reader_key)
    half = ask("POST", "metadata/", owner_key, json=NODE)
    assert half.status_code == 200, half.text
    assert ask("GET", f"metadata/{half.json()['id']}").status_code == 404  # it has no end: it is not whole
    assert half.json()["id"] not in {found["id"] for found in ask("GET", "search/").json()["data"]}
    made = ask("POST", "metadata/", owner_key, json={**NODE, "metadata": {"stop": {}}})
    assert made.status_code == 200, made.text
    assert ask("GET", f"metadata/{made.json()['id']}").status_code == 200
    assert ask("DELETE", f"metadata/{made.json()['id']}", owner_key).status_code == 200


def assert_runs_come_from_logs_alone(endpoint: Any, start: dict[str, Any]) -> None:
    """What the key of a folder's catalog does not do is said to who tries it, and what to do instead."""
    from bluesky_tiled_plugins import TiledWriter
    from tiled.client import from_uri

    client = from_uri(endpoint.url, api_key=endpoint.api_key, trust_env=False)
    n_before = len(client)
    said = r"403: runs come into this catalog from their logs alone.*LogWriter"
    with (
        pytest.warns(UserWarning, match=said),
        pytest.raises(httpx.HTTPStatusError, match=said),
    ):  # its router warns, too
        TiledWriter(client)("start", {**start, "uid": "from the engine"})
    assert len(client) == n_before
    client.context.close()
    ask = asking(endpoint.url, endpoint.api_key)
    for path in ("metadata/", f"metadata/{start['uid']}", "register/", f"register/{start['uid']}"):
        assert ask("POST", path, json=NODE).status_code == 403


def assert_no_name_leaves_the_folder(url: str, key: str, served: Path) -> None:
    """Nor may who writes; each name is tried as that of an array, which would get a folder of this name."""
    from tiled.client import from_uri

    client = from_uri(url, api_key=key, trust_env=False)
    for name in ("../evil", "../../evil", ".."):
        before = {path for path in served.parent.rglob("*") if "arrays" not in path.parts}
        with pytest.raises(httpx.HTTPStatusError):
            client.write_array(np.arange(3), key=name)
        after = {path for path in served.parent.rglob("*") if "arrays" not in path.parts}
        assert not [path for path in after - before if "evil" in path.parts], name
    client.context.close()
