"""`vitrail web`: the page on which a night is watched."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from beamline.cli.options import as_json_option, records_option, refuse, refuse_folder, tell

__all__ = ["web"]


@click.command()
@records_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes one that is free."
)
@click.option(
    "--allow-host", "allow_hosts", multiple=True, metavar="NAME", help="Another name by which browsers may call it."
)
@as_json_option
def web(data: Path, host: str, port: int, allow_hosts: tuple[str, ...], *, as_json: bool) -> None:
    """Serve the page on which a night is watched, until Ctrl-C. It reads the records; closing it changes nothing.

    Whoever opens it may look. To pause and to stop wants the token, which lies in DATA/web.token.
    """
    try:
        from beamline.web.serve import PortTakenError, listen, serve
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn", "jinja2", "anyio"):
            raise
        refuse(f"the page wants {error.name}: install vitrail[web]")
    from beamline.web.token import TokenError, read_or_make_token, token_path

    if not data.is_dir():
        refuse_folder(f"--data {data}")
    try:
        token = read_or_make_token(data)
        listening = listen(host, port)
    except (TokenError, PortTakenError) as error:
        refuse(str(error))
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listening.getsockname()[1]}/"
    lines = [f"page:    {url}", f"token:   in {token_path(data)}"]
    if sys.stdout.isatty():
        lines.insert(1, f"control: {url}#token={token}")
    tell({"url": url, "token_file": str(token_path(data))}, "\n".join(lines), as_json=as_json)
    if host not in ("127.0.0.1", "localhost", "::1"):
        click.echo(
            f"WARNING: it listens on {host}: whoever reaches this machine can watch the night, and the token travels "
            "unencrypted. Better: leave it on 127.0.0.1, and come by `ssh -L`",
            err=as_json,
        )
    sys.stdout.flush()
    serve(data, token, listening, host, allow_hosts)
