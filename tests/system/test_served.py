"""Records that a group reads: Tiled on a real PostgreSQL, the migration into it, keys that only read, profiles."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import httpx
import pytest
from commands_in_process import vitrail
from rights_of_keys import (
    assert_no_name_leaves_the_folder,
    assert_only_reads,
    assert_runs_come_from_logs_alone,
    assert_whole_runs_are_seen,
    listening_addresses,
)

from beamline.records import CatalogOwner, LogWriter, Records
from beamline.records.access import reader_access, reader_path
from beamline.records.layout import Layout

pytestmark = pytest.mark.timeout(600)  # several servers are started, 5 s each on an idle machine

VITRAIL = [sys.executable, "-c", "from beamline.cli import main; main()"]
TILED = [sys.executable, "-m", "tiled"]
PASSWORD = "pw-6f1c-secret"  # noqa: S105  # of a cluster that lives for a minute
KEY, READER = "a" * 40, "b" * 40


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[Any], timeout_s: float = 120.0) -> None:
    end, never = monotonic() + timeout_s, Event()
    while True:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "it ended"
        assert monotonic() < end, "it does not listen"
        never.wait(0.1)


# --------------------------------------------------------------------------------------------------------- PostgreSQL
def postgres_program(name: str) -> str | None:
    found = shutil.which(name)
    if found is None:
        candidates = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        found = str(candidates[-1]) if candidates else None
    return found


@dataclass(frozen=True)
class Cluster:
    port: int
    folder: Path

    def uri(self, database: str) -> str:
        return f"postgresql://vitrail:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "VITRAIL_CATALOG_URI": self.uri("catalog"),
            "VITRAIL_TABLES_URI": self.uri("tables"),
            "VITRAIL_API_KEY": KEY,
        }


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of its own, in a temporary folder, as a user that is not root, on a free port of loopback."""
    initdb, postgres, createdb = map(postgres_program, ("initdb", "postgres", "createdb"))
    if not (initdb and postgres and createdb):
        pytest.skip("no PostgreSQL is installed (Debian: apt-get install postgresql)")
    user: Any = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="vitrail-postgres-"))
    try:
        (folder / "password").write_text(PASSWORD)
        if user:
            for path in (folder, folder / "password"):
                shutil.chown(path, "nobody", "nogroup")
        command = [
            initdb,
            "-D",
            folder / "data",
            "-U",
            "vitrail",
            "-A",
            "scram-sha-256",
            "--pwfile",
            folder / "password",
        ]
        subprocess.run([*command, "--no-sync"], check=True, capture_output=True, timeout=120, cwd=folder, **user)
        port = free_port()
        command = [postgres, "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port), "-k", folder, "-F"]
        with (folder / "postgres.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **user)
        try:
            wait_for_port(port, process)
            for name in ("catalog", "tables"):
                command = [createdb, "-h", "127.0.0.1", "-p", str(port), "-U", "vitrail", name]
                wait_until_it_works(command, os.environ | {"PGPASSWORD": PASSWORD})
            yield Cluster(port, folder)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_it_works(command: list[Any], env: dict[str, str]) -> None:
    """It listens before it lets anybody in."""
    never = Event()
    for _try in range(100):
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0:
            return
        never.wait(0.1)
    raise AssertionError(done.stderr)


@contextmanager
def serving(command: list[Any], log: Path, env: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=os.environ | env, stdout=out, stderr=out)
    try:
        wait_for_port(port, process)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


# ------------------------------------------------------------------------------------------------------- served records
SYNTHETIC = Path(__file__).parents[1] / "unit" / "records" / "synthetic.py"


@pytest.fixture(scope="module")
def synthetic() -> Any:
    """Makes documents of nights."""
    spec = importlib.util.spec_from_file_location("synthetic_of_served", SYNTHETIC)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, synthetic: Any) -> Path:
    folder = tmp_path_factory.mktemp("records")
    with LogWriter(folder) as log:
        synthetic.night(log, n_coupons=1)
    return folder


@dataclass(frozen=True)
class Served:
    """A configuration file whose databases are ready."""

    config: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def served(cluster: Cluster, records: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("served")
    config, port = folder / "tiled.yml", free_port()
    arguments = ["--data", records, "--arrays", folder / "arrays", "--port", port, "--out", config]
    written = vitrail("records", "serve-config", *arguments)
    assert written.returncode == 0, written.stderr
    assert "this machine alone" in written.stdout
    assert vitrail("records", "serve-config", *arguments).returncode == 2  # never written over unasked
    init = ["records", "init-database", "--config", config]
    made = [vitrail(*init, env=cluster.environment) for _ in range(2)]
    assert [done.returncode for done in made] == [0, 0], made[0].stderr
    assert ["made" in done.stdout for done in made] == [True, False]
    return Served(config, port)


def test_no_secret_is_in_the_configuration_nor_in_a_complaint(cluster: Cluster, served: Served) -> None:
    assert stat.S_IMODE(served.config.stat().st_mode) == 0o600
    text = served.config.read_text()
    assert PASSWORD not in text
    assert KEY not in text
    assert "${VITRAIL_CATALOG_URI}" in text
    unset = vitrail("records", "init-database", "--config", served.config)
    assert unset.returncode == 2
    assert "VITRAIL_API_KEY, VITRAIL_CATALOG_URI, VITRAIL_TABLES_URI" in unset.stderr
    wrong = cluster.environment | {"VITRAIL_CATALOG_URI": cluster.uri("catalog").replace(PASSWORD, PASSWORD[::-1])}
    refused = vitrail("records", "init-database", "--config", served.config, env=wrong)
    assert refused.returncode == 1
    assert "password authentication failed" in refused.stderr
    assert PASSWORD[::-1] not in refused.stdout + refused.stderr


def test_records_are_copied_to_postgresql_once_and_compared(
    cluster: Cluster, served: Served, records: Path, tmp_path: Path, synthetic: Any
) -> None:
    from tiled.client import from_uri
    from tiled.queries import Key

    migrate = ["records", "migrate", "--data", records, "--to", served.url]
    env, log = {"VITRAIL_API_KEY": KEY}, tmp_path / "server.log"
    command = [*TILED, "serve", "config", served.config]
    with serving(command, log, cluster.environment, served.port) as server:
        assert listening_addresses(server.pid) == ["127.0.0.1"]
        with httpx.Client(base_url=f"{served.url}/api/v1/", trust_env=False) as anybody:
            assert anybody.get("metadata/").status_code == 401
            assert anybody.get("metadata/", headers={"Authorization": f"Apikey {READER}"}).status_code == 401
        first = vitrail(*migrate, env=env)
        assert first.returncode == 0, first.stdout + first.stderr
        assert "5 runs: 5 copied, 0 present, 0 skipped, 0 failed; 13 events compared" in first.stdout

        catalog = from_uri(served.url, api_key=KEY, trust_env=False)
        (measured,) = Records(records).runs(purpose="measurement")
        catalog[measured.uid].replace_metadata(metadata={"start": {"uid": measured.uid}})  # as a kill leaves a run
        with LogWriter(records) as more:
            synthetic.Writer(more, t0=synthetic.T0 - 3600.0).anneal(1)
        again = vitrail(*migrate, "--recheck", "--json", env=env)
        assert again.returncode == 0, again.stdout + again.stderr
        counts = {"copied": 2, "present": 4, "skipped": 0, "failed": 0, "n_events": 16}
        assert counts.items() <= json.loads(again.stdout).items()
        assert sorted(catalog) == sorted(run.uid for run in Records(records).runs())  # each of them once
        assert len(catalog.search(Key("coupon.glass.name") == "Br50I50")) == 4
        assert {name for name, _doc in catalog[measured.uid].documents()} >= {"start", "descriptor", "stop"}
        tampered = catalog[measured.uid].base["spectra"]["spectrometer_counts"]
        tampered.write(tampered.read() + 1.0)
        noticed = vitrail(*migrate, "--recheck", env=env)
        assert noticed.returncode == 1
        assert "stream spectra: spectrometer_counts differs" in noticed.stdout
        proof = vitrail("records", "check", "--data", records, "--to", served.url, "--json", env=env)
        assert proof.returncode == 1
        report = json.loads(proof.stdout)
        assert (report["n_runs"], report["n_compared"], report["n_events"]) == (6, 6, 16)
        changed = {(each["uid"], each["stream"], each["key"]) for each in report["differences"]}
        assert changed == {(measured.uid, "spectra", "spectrometer_counts")}  # and all else is equal
        catalog.context.close()
        assert vitrail(*migrate, env={"VITRAIL_API_KEY": READER}).returncode == 1
    said = log.read_text()
    assert PASSWORD not in said
    assert KEY not in said


def test_a_group_reads_with_a_key_of_its_own(cluster: Cluster, served: Served, records: Path, tmp_path: Path) -> None:
    log, env = tmp_path / "server.log", cluster.environment | {"VITRAIL_READER_KEY": READER}
    with serving([*VITRAIL, "records", "serve", "--config", served.config], log, env, served.port):
        copied = vitrail("records", "migrate", "--data", records, "--to", served.url, env={"VITRAIL_API_KEY": KEY})
        assert copied.returncode == 0, copied.stdout + copied.stderr
        assert_only_reads(f"{served.url}/api/v1/", READER)
        assert_whole_runs_are_seen(f"{served.url}/api/v1/", READER, KEY)
        assert_no_name_leaves_the_folder(served.url, KEY, served.config.parent)
    said = log.read_text()
    assert "two keys" in said
    assert not any(secret in said for secret in (PASSWORD, KEY, READER))


def test_what_serves_others_says_so(tmp_path: Path) -> None:
    out = tmp_path / "tiled.yml"
    where = ["--arrays", tmp_path / "arrays", "--out", out]
    open_to_all = vitrail("records", "serve-config", *where, "--host", "0.0.0.0")  # noqa: S104  # it must warn
    assert "WARNING" in open_to_all.stdout
    assert "other machines reach it" in open_to_all.stdout
    password = vitrail("records", "serve-config", *where, "--catalog-uri", f"postgresql://me:{PASSWORD}@db/one")
    assert password.returncode == 2
    assert PASSWORD not in password.stderr
    assert "~/.pgpass" in password.stderr
    same = ["--catalog-uri", "postgresql://me@db/one", "--tables-uri", "postgresql://you@db/one"]
    assert "a database each" in vitrail("records", "serve-config", *where, *same).stderr


# ---------------------------------------------------------------------------------------------------- keys and profiles
AS_USERS_KNOW_IT = """
import json, os, sys
import databroker, tiled.client
from tiled.queries import Comparison, FullText, In, Key
child = os.fork()
if not child:  # somebody who has not set the key; spares another start of the interpreter and all imports
    del os.environ["VITRAIL_READER_KEY"]
    databroker.catalog["vitrail"]
    os._exit(0)
without_key = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
broker = databroker.catalog["vitrail"]
same = tiled.client.from_profile("vitrail")
uid = sys.argv[1]
v1 = broker.v1
found = {
    "without_key": without_key,
    "n": [len(broker), len(same)],
    "campaign": len(broker.search(Key("campaign.name") == "night-1")),
    "coupon": len(broker.search(Key("coupon.serial") == "C01")),
    "glass": len(broker.search(Key("coupon.glass.name") == "Br50I50")),
    "purpose": len(broker.search(In("purpose", ["writing", "measurement"]))),
    "iodide": len(broker.search(Comparison("ge", "coupon.glass.iodide", 40.0))),
    "none": len(broker.search(Comparison("gt", "coupon.glass.iodide", 60.0))),
    "words": len(broker.search(FullText("Br50I50"))),
    "v1_last": v1[-1].start["purpose"],
    "v1_sites": list(v1[-1].table("spectra")["site_name"]),
    "v1_counts": float(v1[-1].table("spectra")["spectrometer_counts"].iloc[0][100]),
    "v1_documents": sorted({name for name, _ in v1[-1].documents()}),
    "v1_search": len(list(v1(purpose="measurement"))),
    "v2_counts": float(broker.v2[-1]["spectra"].read()["spectrometer_counts"].values[0][100]),
    "v2_attribute": float(broker.v2[-1].spectra.read()["spectrometer_counts"].values[0][100]),
    "v1_of_search": broker.search(Key("purpose") == "writing").v1[-1].start["uid"],  # which is not the last of all
    "v2_search": broker.v2.search(Key("purpose") == "writing")[-1].start["uid"],
    "by_uid": same[uid].start["uid"],
}
try:
    broker.delete_contents(uid, recursive=True, external_only=False)
    found["deleted"] = True
except Exception as error:
    found["deleted"] = str(error)
print(json.dumps(found))
"""


def test_a_profile_is_installed_and_holds_no_key(records: Path, tmp_path: Path) -> None:
    env = {"TILED_PROFILES": str(tmp_path / "profiles")}
    shown = vitrail("records", "profile", "--data", records, env=env)
    assert not (tmp_path / "profiles").exists()
    installed = vitrail("records", "profile", "--data", records, "--install", env=env)
    assert installed.returncode == 0, installed.stderr
    (path,) = (tmp_path / "profiles").iterdir()
    assert path.read_text() == shown.stdout
    access = reader_access(Layout.of(records))
    assert stat.S_IMODE(reader_path(Layout.of(records)).stat().st_mode) == 0o600
    assert access.api_key not in shown.stdout + installed.stdout
    line = vitrail("records", "profile", "--data", records, "--env").stdout.strip()
    assert line == f"export VITRAIL_READER_KEY={access.api_key}"
    assert vitrail("records", "profile", "--data", records, "--install", env=env).returncode == 0
    other = vitrail("records", "profile", "--to", "http://elsewhere:8000", "--install", env=env)
    assert other.returncode == 2
    assert "--replace" in other.stderr
    for bad in ("../evil", "a/b", "", ".hidden", "a b"):
        assert vitrail("records", "profile", "--data", records, "--name", bad, "--install", env=env).returncode == 2
    assert vitrail("records", "profile", "--to", f"http://x/?api_key={KEY}", env=env).returncode == 2


def test_a_user_of_databroker_opens_the_records_by_name(records: Path, tmp_path: Path) -> None:
    env = {"TILED_PROFILES": str(tmp_path / "profiles")}
    assert vitrail("records", "profile", "--data", records, "--install", env=env).returncode == 0
    access = reader_access(Layout.of(records))
    (measured,) = Records(records).runs(purpose="measurement")[-1:]
    command = [sys.executable, "-W", "ignore", "-c", AS_USERS_KNOW_IT, measured.uid]
    with CatalogOwner(records) as owner:
        endpoint = owner.wait_ready(300)
        assert owner.flush(300).failed == ()
        assert endpoint.url == access.url
        env["VITRAIL_READER_KEY"] = access.api_key
        done = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        assert_only_reads(endpoint.url, access.api_key)
        assert_runs_come_from_logs_alone(endpoint, measured.start)
    found = json.loads(done.stdout.splitlines()[-1])
    runs = Records(records).runs()
    assert found["without_key"] == 1
    assert "requires API key" in done.stderr
    assert found["n"] == [len(runs)] * 2
    assert found["campaign"] == len(runs)
    n_of_coupon = len(Records(records).runs(coupon="C01"))
    assert n_of_coupon in (3, 4)  # with the one that a test above has added
    assert found["coupon"] == found["glass"] == found["iodide"] == n_of_coupon
    assert found["none"] == 0
    assert found["words"] == n_of_coupon + 1  # and the decision
    assert found["purpose"] == 2
    assert found["v1_last"] == "measurement"
    assert found["v1_sites"] == ["S00", "S01", "S02"]
    expected = measured.table("spectra")["spectrometer_counts"][0][100]
    assert found["v1_counts"] == found["v2_counts"] == found["v2_attribute"] == expected
    assert found["v1_documents"] == ["descriptor", "event", "start", "stop"]
    assert found["v1_search"] == 1
    assert found["by_uid"] == measured.uid
    (writing,) = Records(records).runs(purpose="writing")
    assert found["v1_of_search"] == found["v2_search"] == writing.uid
    assert found["deleted"] is not True
