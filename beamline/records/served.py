"""A catalog that a group shares: Tiled on PostgreSQL, started with `tiled serve config` and the file that is made here.

No secret is in the file. Keys and, unless they are given without a password, the addresses of the databases are names of
environment variables, which Tiled fills in when it reads the file.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from beamline.records.access import LOOPBACK, write_private
from beamline.records.errors import CatalogError
from beamline.records.layout import Layout
from beamline.records.redact import server_logging, without_secrets

__all__ = [
    "API_KEY",
    "CATALOG_URI",
    "READER_KEY",
    "TABLES_URI",
    "ServedCatalog",
    "default_arrays",
    "init_databases",
    "is_loopback",
    "read_config",
    "write_config",
]

CATALOG_URI: Final = "VITRAIL_CATALOG_URI"
"""Environment variable: address of the database of the metadata."""
TABLES_URI: Final = "VITRAIL_TABLES_URI"
"""Of the database of the tables; not the same one."""
API_KEY: Final = "VITRAIL_API_KEY"
"""Of the key that may write."""
READER_KEY: Final = "VITRAIL_READER_KEY"
"""Of the key that only reads; known to `vitrail records serve`, and not to `tiled serve config`."""


@dataclass(frozen=True)
class ServedCatalog:
    """What the configuration file says.

    Attributes:
        arrays: folder of the spectra and of all other arrays, on the server.
        catalog_uri: of the metadata, `postgresql://user@host:port/name`, or None for `$VITRAIL_CATALOG_URI`.
        tables_uri: of the tables, or None for `$VITRAIL_TABLES_URI`.
        host: where it listens.
        port: the same.

    Raises:
        CatalogError: an address holds a password, is none of PostgreSQL, or the two are one database.
    """

    arrays: Path
    catalog_uri: str | None = None
    tables_uri: str | None = None
    host: str = LOOPBACK
    port: int = 8000

    def __post_init__(self) -> None:
        for uri in (self.catalog_uri, self.tables_uri):
            if uri is not None:
                _check_uri(uri)
        if self.catalog_uri is not None and _database(self.catalog_uri) == _database(self.tables_uri or ""):
            raise CatalogError(f"{self.catalog_uri}: metadata and tables need a database each")
        if set(str(self.arrays)) & set("?#%;$"):
            raise CatalogError(f"{self.arrays}: Tiled cannot address a path with one of ? # % ; $")

    def config(self) -> dict[str, Any]:
        """Tiled's configuration, with references to the environment where there are secrets."""
        from beamline.records.server import tiled_config  # noqa: PLC0415  # belongs to the server side

        storage = [f"file://localhost{self.arrays.absolute()}", self.tables_uri or f"${{{TABLES_URI}}}"]
        made = tiled_config(self.catalog_uri or f"${{{CATALOG_URI}}}", storage, f"${{{API_KEY}}}")
        return made | {"uvicorn": {"host": self.host, "port": self.port, "log_config": server_logging()}}

    @property
    def references(self) -> tuple[str, ...]:
        """The environment variables that must be set wherever the file is used."""
        databases = ((CATALOG_URI, self.catalog_uri), (TABLES_URI, self.tables_uri))
        return (*(name for name, uri in databases if uri is None), API_KEY)


def write_config(path: Path, served: ServedCatalog, *, may_replace: bool = False) -> None:
    """Write the file, readable for its owner alone, and make the folder of the arrays.

    Raises:
        FileExistsError: there is one, and it must not be replaced.
        OSError: it, or the folder of the arrays, cannot be made.
    """
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415  # comes with Tiled, without types

    served.arrays.mkdir(parents=True, exist_ok=True)
    head = (
        "# Written by `vitrail records serve-config`; read by `tiled serve config` and `vitrail records serve --config`.\n"
        f"# Needs in the environment: {' '.join(served.references)}\n"
    )
    write_private(path, head + yaml.safe_dump(served.config(), sort_keys=False), may_replace=may_replace)


def read_config(path: Path) -> dict[str, Any]:
    """A configuration file with its references filled in.

    Raises:
        CatalogError: it is not such a file, or a variable that it refers to is not set.
        OSError: it cannot be read.
    """
    import yaml  # noqa: PLC0415  # comes with Tiled

    text = path.read_text(encoding="utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    if missing := sorted({name for name in re.findall(r"\$\{(\w+)\}", code) if not os.environ.get(name)}):
        raise CatalogError(f"{path} refers to {', '.join(missing)}; set {'it' if len(missing) == 1 else 'them'}")
    try:
        config = _filled(yaml.safe_load(code))
        has_parts = all(key in config["trees"][0]["args"] for key in ("uri", "writable_storage"))
        has_parts = has_parts and "single_user_api_key" in config["authentication"]
    except (yaml.YAMLError, TypeError, KeyError, IndexError):
        has_parts = False
    if not has_parts:
        raise CatalogError(f"{path} is no configuration as `vitrail records serve-config` writes it")
    made: dict[str, Any] = config
    return made


def init_databases(config: dict[str, Any]) -> bool:
    """Make the tables of the metadata where there are none; True where they were made.

    Args:
        config: as `read_config` gives it.

    Raises:
        CatalogError: the database cannot be reached, or is that of another version of Tiled.
    """
    from tiled.utils import ensure_specified_sql_driver  # noqa: PLC0415  # heavy

    from beamline.records.server import is_prepared, make_tables  # noqa: PLC0415  # the server side

    uri = ensure_specified_sql_driver(config["trees"][0]["args"]["uri"])
    if is_prepared(uri, without_secrets(uri)):
        return False
    make_tables(uri)
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def default_arrays(folder: Path | str) -> Path:
    """Where the served catalog keeps arrays, unless somebody says otherwise."""
    return Layout.of(folder).folder / "served-arrays"


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part) for part in value]
    return os.path.expandvars(value) if isinstance(value, str) else value


def _check_uri(uri: str) -> None:
    parts = urlsplit(uri)
    if parts.password is not None:
        raise CatalogError(
            f"{without_secrets(uri)}: a password does not belong on a command line or in a file that is not yours alone; "
            f"leave it out and let PostgreSQL find it (~/.pgpass, PGPASSWORD), or leave out the option and set the "
            f"whole address in the environment (${CATALOG_URI}, ${TABLES_URI})"
        )
    if parts.scheme != "postgresql" or not parts.path.strip("/"):
        raise CatalogError(f"{uri}: must be postgresql://USER@HOST:PORT/DATABASE")


def _database(uri: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.hostname or "", parts.path, "", ""))
