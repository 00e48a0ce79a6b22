"""`vitrail records serve`, `serve-config`, `init-database`, `migrate` and `profile`: records for others to read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from beamline.cli.options import FAILED, FILE, FOLDER, as_json_option, data_option, records_option, refuse, tell

__all__ = ["COMMANDS", "connect_to_server"]

_T = TypeVar("_T")

_config = click.option(
    "--config",
    "config_file",
    type=FILE,
    default=Path("tiled.yml"),
    show_default=True,
    help="File of `vitrail records serve-config`.",
)


@click.command()
@records_option
@click.option(
    "--config",
    "config_file",
    type=FILE,
    help="Serve the databases of this file of `serve-config`, instead of the folder's own catalog.",
)
@as_json_option
def serve(data: Path, config_file: Path | None, *, as_json: bool) -> None:
    """Serve the catalog until Ctrl-C: that of the folder, on loopback, where no night serves it already; or a group's."""
    if config_file is not None:
        _serve_group(config_file, as_json=as_json)
    else:
        _serve_folder(data, as_json=as_json)


@click.command("serve-config")
@data_option
@click.option(
    "--catalog-uri", help="postgresql://USER@HOST:PORT/DATABASE of the metadata; default: $VITRAIL_CATALOG_URI."
)
@click.option("--tables-uri", help="The same of the tables, another database; default: $VITRAIL_TABLES_URI.")
@click.option("--arrays", type=FOLDER, help="Folder for arrays, on the server.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--out", type=FILE, default=Path("tiled.yml"), show_default=True)
@click.option("--replace", is_flag=True, help="Write over an existing file.")
@as_json_option
def serve_config(
    *,
    data: Path,
    catalog_uri: str | None,
    tables_uri: str | None,
    arrays: Path | None,
    host: str,
    port: int,
    out: Path,
    replace: bool,
    as_json: bool,
) -> None:
    """Write the configuration of a catalog on PostgreSQL, for `tiled serve config`. No secret is written into it."""
    from beamline.records import CatalogError
    from beamline.records.served import ServedCatalog, default_arrays, is_loopback, write_config

    try:
        served = ServedCatalog(arrays or default_arrays(data), catalog_uri, tables_uri, host, port)
        write_config(out, served, may_replace=replace)
    except FileExistsError:
        refuse(f"{out} is there already; give --replace, or another --out")
    except (CatalogError, OSError) as error:
        refuse(str(error))
    reach = (
        f"it will listen on {host}:{port}: this machine alone reaches it"
        if is_loopback(host)
        else f"WARNING: it will listen on {host}:{port}: other machines reach it, and keys travel unencrypted"
    )
    lines = [
        f"{out}: arrays in {served.arrays.absolute()}",
        f"set in the environment of the server: {' '.join(served.references)}",
        reach,
        f"then: vitrail records init-database --config {out}; tiled serve config {out}",
    ]
    plain = {
        "file": str(out),
        "arrays": str(served.arrays.absolute()),
        "environment": list(served.references),
        "host": host,
        "port": port,
        "is_loopback": is_loopback(host),
    }
    tell(plain, "\n".join(lines), as_json=as_json)


@click.command("init-database")
@_config
@as_json_option
def init_database(config_file: Path, *, as_json: bool) -> None:
    """Make the tables of the metadata in an empty database; where they are, only look whether they fit this Tiled."""
    from beamline.records.served import init_databases

    config = _read(config_file)
    made = _or_fail(lambda: init_databases(config))
    tell({"made": made}, "the tables are made" if made else "the tables are there, and fit", as_json=as_json)


@click.command()
@records_option
@click.option("--to", "url", required=True, metavar="URL", help="Of the Tiled server; the key is in $VITRAIL_API_KEY.")
@click.option("--recheck", is_flag=True, help="Compare those runs too that are there already.")
@as_json_option
def migrate(data: Path, url: str, *, recheck: bool, as_json: bool) -> None:
    """Copy the runs of the logs to a served catalog, and compare each copy with its log. May be repeated at any time."""
    from beamline.records.migrate import migrate as copy

    done = copy(data, connect_to_server(url), on_run=(lambda _run: None) if as_json else _say, recheck=recheck)
    n_by_status = {status: done.count(status) for status in ("copied", "present", "skipped", "failed")}
    counts = ", ".join(f"{n} {status}" for status, n in n_by_status.items())
    text = f"{len(done.runs)} runs: {counts}; {done.n_events} events compared with the logs"
    tell({**n_by_status, "n_events": done.n_events, "runs": [asdict(run) for run in done.runs]}, text, as_json=as_json)
    raise SystemExit(FAILED if done.count("failed") else 0)


@click.command()
@records_option
@click.option("--name", default="vitrail", show_default=True, help='What `databroker.catalog["..."]` shall call it.')
@click.option("--to", "url", metavar="URL", help="Of a server; default: the catalog of the folder, on loopback.")
@click.option("--install", is_flag=True, help="Write it where Tiled looks for profiles, instead of showing it.")
@click.option("--replace", is_flag=True, help="Write over a profile of that name.")
@click.option("--env", "only_env", is_flag=True, help="Show the shell's line that sets the key, and nothing else.")
@as_json_option
def profile(
    *, data: Path, name: str, url: str | None, install: bool, replace: bool, only_env: bool, as_json: bool
) -> None:
    """Make a profile, so that `databroker.catalog["vitrail"]` opens the records. It holds no key."""
    from beamline.records import RecordError
    from beamline.records.access import reader_access
    from beamline.records.layout import Layout
    from beamline.records.profiles import install_profile, profile_of_folder, profile_of_server

    if only_env and as_json:
        refuse("--env shows one line for the shell, with the key, which --json does not show: give one of the two")
    if url is None and not data.is_dir():
        refuse(f"{data} is no folder; give --data, or --to for a server")
    try:
        if url is not None:
            text, key_line = profile_of_server(name, url), "export TILED_API_KEY=..."
        else:
            access = reader_access(Layout.of(data))
            text, key_line = profile_of_folder(name, access), f"export VITRAIL_READER_KEY={access.api_key}"
        path = install_profile(name, text, may_replace=replace) if install else None
    except (RecordError, OSError) as error:
        refuse(str(error))
    if as_json:
        click.echo(json.dumps({"name": name, "profile": text, "path": None if path is None else str(path)}, indent=2))
    elif only_env:
        click.echo(key_line)
    elif path is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"{path}: databroker.catalog[{name!r}], tiled.client.from_profile({name!r})")
        how = key_line if url else f'eval "$(vitrail records profile --env --data {data.absolute()})"'
        click.echo(f"the key comes from the environment, before Python is started: {how}")


COMMANDS = (serve, serve_config, init_database, migrate, profile)


# ------------------------------------------------------------------------------------------------------------ helpers
def _serve_folder(data: Path, *, as_json: bool) -> None:
    from beamline.records import CatalogOwner
    from beamline.records.access import reader_access
    from beamline.records.endpoint import is_owned, live_endpoint
    from beamline.records.layout import Layout

    layout = Layout.of(data)
    if not layout.logs.is_dir():
        refuse(f"{data} holds no records")
    if is_owned(layout):
        endpoint = live_endpoint(layout)
        plain = {"url": endpoint.url if endpoint else None, "is_ours": False}
        tell(plain, "it is served already, as long as its night or session lives", as_json=as_json)
        return
    with CatalogOwner(data) as owner:
        endpoint = _or_fail(lambda: owner.wait_ready(300.0))
        tell(
            {"url": endpoint.url, "is_ours": True}, f"serving {data} on {endpoint.url}; Ctrl-C ends it", as_json=as_json
        )
        if not endpoint.url.startswith(reader_access(layout).url):
            click.echo("its usual port is taken: profiles do not find it", err=True)
        _until_interrupted(owner)


def _until_interrupted(owner: Any) -> None:
    from threading import Event

    never = Event()
    try:
        while owner.is_running:
            never.wait(0.5)
    except KeyboardInterrupt:
        click.echo("taking in what is finished, and ending", err=True)
        return
    _fail(f"the process that serves has ended; see {owner.log_path}")


def _serve_group(config_file: Path, *, as_json: bool) -> None:
    from beamline.records.served import is_loopback
    from beamline.records.server import serve_config as run_server

    config = _read(config_file)
    host, port = config["uvicorn"]["host"], config["uvicorn"]["port"]
    reach = "this machine alone reaches it" if is_loopback(host) else "other machines reach it, keys travel unencrypted"
    reader_key = os.environ.get("VITRAIL_READER_KEY")
    keys = "one key, which may write" if reader_key is None else "two keys, one of which only reads"
    url = f"http://{host}:{port}"
    plain = {"url": url, "is_loopback": is_loopback(host), "has_reader_key": reader_key is not None}
    tell(plain, f"serving on {url} ({reach}) with {keys}; Ctrl-C ends it", as_json=as_json)
    _or_fail(lambda: run_server(config, reader_key))


def _read(config_file: Path) -> dict[str, Any]:
    from beamline.records import CatalogError
    from beamline.records.served import read_config

    try:
        return read_config(config_file)
    except (CatalogError, OSError) as error:
        refuse(str(error))


def connect_to_server(url: str) -> Any:
    """A client of a served catalog, with the key in `VITRAIL_API_KEY`; says what is wrong and ends where there is none."""
    api_key = os.environ.get("VITRAIL_API_KEY")
    if not api_key:
        refuse("VITRAIL_API_KEY is not set: it holds the key of the server; that to migrate must be one that may write")
    return _or_fail(lambda: _connect(url, api_key))


def _connect(url: str, api_key: str) -> Any:
    from tiled.client import from_uri

    return from_uri(url, api_key=api_key)


def _say(run: Any) -> None:
    if run.status != "present" or run.reason:
        click.echo(f"{run.uid}  {run.status}  {run.n_events} events{'; ' + run.reason if run.reason else ''}")


def _or_fail(action: Callable[[], _T]) -> _T:
    from beamline.records.redact import without_secrets

    try:
        return action()
    except Exception as error:  # noqa: BLE001  # one clear line, whatever a library raised; and no password in it
        _fail(without_secrets(f"{type(error).__name__}: {error}"))


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    raise SystemExit(FAILED)
