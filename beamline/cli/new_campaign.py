"""`vitrail campaign new`: a campaign file with comments, to be filled in."""

from __future__ import annotations

import re
from pathlib import Path

import click

from beamline.cli.options import FILE, as_json_option, refuse, tell, writing

__all__ = ["new"]

LINE = 'mode = "line"                        # "line" or "dot"'
DOT_EXPOSURE = "exposure_s = [1.0, 10.0]             # per pass; below 1 s nothing luminesces"


@click.command()
@click.argument("file", type=FILE, default=Path("night.toml"))
@click.option("--name", help="Of the campaign.  [default: the file's]")
@click.option("--mode", type=click.Choice(["line", "dot"]), default="line", show_default=True, help="What is written.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@as_json_option
def new(*, file: Path, name: str | None, mode: str, force: bool, as_json: bool) -> None:
    """Write a campaign file with comments to FILE (without it: night.toml): fill in glasses and coupons, then check it."""
    name = name if name is not None else file.stem
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", name):
        refuse(f"--name {name!r}: letters, digits, _ . and -, at most 32, beginning with a letter or digit")
    if file.exists() and not force:
        refuse(f"{file} is there already; --force replaces it")
    with writing("FILE", file):
        file.write_text(template(name, mode, file), encoding="utf-8")
    text = f"{file}: fill in glasses and coupons, then: vitrail campaign check {file}"
    tell({"file": str(file), "name": name, "mode": mode}, text, as_json=as_json)


def template(name: str, mode: str, file: Path) -> str:
    """A campaign file that can be run as it is on the simulated bench."""
    from importlib.resources import files

    text = (files("beamline.campaign") / "night.toml").read_text(encoding="utf-8")
    text = text.replace('name = "night"  ', f'name = "{name}"  ').replace("night.toml  ", f"{file}  ")
    if mode == "dot":
        text = text.replace(LINE, LINE.replace('"line" ', '"dot"  ', 1))
        text = re.sub(r"^speed_mm_s = .*$", DOT_EXPOSURE, text, flags=re.MULTILINE)
        text = re.sub(r"^line_length_mm = .*\n", "", text, flags=re.MULTILINE)
    return text
