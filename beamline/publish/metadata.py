"""`ro-crate-metadata.json`: what the files of a crate are, as JSON-LD after RO-Crate 1.1 (w3id.org/ro/crate/1.1)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from beamline.publish.checksums import MANIFEST
from beamline.publish.results import Results

__all__ = ["METADATA", "Publication", "crate_metadata", "described_files"]

METADATA = "ro-crate-metadata.json"

_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_PERSON = re.compile(r"(?P<name>[^<>]+?)\s*(?:<(?P<id>https?://[^<>\s]+)>)?")

_FORMATS = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".nxs": "application/x-hdf5",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".vlog": "application/octet-stream",
}

_ABOUT = {
    "records/": "The write-ahead logs: one file per run with all its documents. The truth; all else is made from them",
    "tables/": "Tidy CSV with units; datapackage.json describes every column",
    "report/": "Report of the night: page, figures, numbers",
    "campaign.nxs": "The same as NeXus/HDF5: spectra after NXoptical_spectroscopy, and every run whole",
    "campaign.toml": "The campaign file as it ran, defaults filled in",
    "environment.json": "Versions of the code that recorded and exported, and of the packages",
    "README.md": "What this is, and how to check it",
}


@dataclass(frozen=True, slots=True)
class Publication:
    """What the publisher says.

    Attributes:
        license: an SPDX identifier (CC-BY-4.0), or a URL.
        authors: `Name`, or `Name <https://orcid.org/...>`.
        title: empty for one made from the campaign's name.

    Raises:
        ValueError: the licence is neither, or an author not of this form.
    """

    license: str
    authors: tuple[str, ...] = ()
    title: str = ""

    def __post_init__(self) -> None:
        if not self.license.startswith(("https://", "http://")) and not _SPDX.fullmatch(self.license):
            raise ValueError(
                f"licence {self.license!r}: give an SPDX identifier (spdx.org/licenses), for example CC-BY-4.0, or a URL"
            )
        for author in self.authors:
            if not _PERSON.fullmatch(author):
                raise ValueError(f"author {author!r}: write a name, or a name <https://orcid.org/0000-...>")

    @property
    def license_url(self) -> str:
        """Where the licence can be read."""
        return self.license if "://" in self.license else f"https://spdx.org/licenses/{self.license}"

    def people(self) -> list[dict[str, Any]]:
        """The authors as entities."""
        found = [match for match in map(_PERSON.fullmatch, self.authors) if match]
        return [
            {"@id": match["id"] or f"#author-{n}", "@type": "Person", "name": match["name"].strip()}
            for n, match in enumerate(found, start=1)
        ]


def crate_metadata(results: Results, folder: Path, publication: Publication, now: datetime) -> dict[str, Any]:
    """The JSON-LD of a crate whose other files lie in `folder` already."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    files = [_file(folder, name) for name in names if name != METADATA] + [_manifest()]
    people = publication.people()
    vitrail = {
        "@id": "#vitrail",
        "@type": "SoftwareApplication",
        "name": "vitrail",
        "version": str(results.first.start.get("versions", {}).get("vitrail", "unknown")),
    }
    licence = {"@id": publication.license_url, "@type": "CreativeWork", "name": publication.license}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": publication.title or f"Campaign {results.name}",
        "description": _description(results),
        "identifier": results.uid,
        "datePublished": now.isoformat(timespec="seconds"),
        "license": {"@id": licence["@id"]},
        "hasPart": [{"@id": file["@id"]} for file in files],
        "mentions": [{"@id": "#campaign"}],
        **({"author": [{"@id": person["@id"]} for person in people]} if people else {}),
    }
    descriptor = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }
    graph = [descriptor, root, *files, licence, *people, vitrail, _action(results, files)]
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}


def described_files(folder: Path) -> frozenset[str]:
    """Paths of the files that the metadata of a crate describe, with their own; empty where they cannot be read."""
    try:
        graph = json.loads((folder / METADATA).read_text(encoding="utf-8"))["@graph"]
        return frozenset({METADATA} | {unquote(entity["@id"]) for entity in graph if entity["@type"] == "File"})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return frozenset()


def _file(folder: Path, name: str) -> dict[str, Any]:
    about = next((text for begin, text in _ABOUT.items() if name.startswith(begin)), name)
    return {
        "@id": quote(name),
        "@type": "File",
        "name": name,
        "description": about,
        "contentSize": str((folder / name).stat().st_size),
        "encodingFormat": _FORMATS.get(Path(name).suffix, "application/octet-stream"),
    }


def _manifest() -> dict[str, Any]:
    about = "SHA-256 of every other file, in the form of sha256sum"
    return {"@id": MANIFEST, "@type": "File", "name": MANIFEST, "description": about, "encodingFormat": "text/plain"}


def _action(results: Results, files: list[dict[str, Any]]) -> dict[str, Any]:
    """The campaign itself: when, by what, and which logs it left."""
    last = results.runs[-1]
    kind = "on a simulated instrument" if results.is_simulated else "worked by hand" if results.is_imported else ""
    return {
        "@id": "#campaign",
        "@type": "CreateAction",
        "name": f"Campaign {results.name} {kind}".strip(),
        "startTime": _iso(float(results.first.start["time"])),
        "endTime": _iso(float((last.stop or last.start)["time"])),
        "instrument": {"@id": "#vitrail"},
        "result": [{"@id": file["@id"]} for file in files if file["@id"].startswith("records/")],
    }


def _description(results: Results) -> str:
    n_coupons = len({site.coupon.serial for site in results.sites})
    kind = " by a simulated instrument" if results.is_simulated else " by hand" if results.is_imported else ""
    return (
        f"Perovskite quantum dots written into glass with a femtosecond laser{kind}: recipes, heat treatments, "
        f"photoluminescence spectra and outcomes of {len(results.sites)} sites on {n_coupons} coupons."
    )


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")
