"""The log under kills: what was announced as recorded is there."""

from __future__ import annotations

import json
import random
from pathlib import Path

from record_processes import run_python, synthetic

from beamline.records import Records

WRITER = """
from beamline.records import LogWriter
log = LogWriter(sys.argv[1])
def record(name, doc):
    log(name, doc)
    os.write(1, (json.dumps([doc["uid"], name]) + chr(10)).encode())
writer = synthetic.Writer(record, t0=float(sys.argv[2]))
for number in range(1, 1000):
    writer.coupon(number)
"""


def test_a_killed_writer_loses_no_document_that_was_recorded(tmp_path: Path) -> None:
    chance = random.Random(5)  # no secret
    emitted: list[tuple[str, str]] = []
    n_kills = 5
    for kill in range(n_kills):
        process = run_python(WRITER, tmp_path, synthetic.T0 + 1e5 * kill)
        assert process.stdout is not None
        for _line in range(chance.randrange(1, 120)):
            uid, name = json.loads(process.stdout.readline())
            emitted.append((uid, name))
        process.kill()
        rest = process.stdout.read().splitlines(keepends=True)
        emitted.extend(tuple(json.loads(line)) for line in rest if line.endswith("\n"))
        process.communicate()

    recovered = Records(tmp_path).close_orphans()
    assert Records(tmp_path).close_orphans() == []
    assert Records(tmp_path).problems() == []
    runs = Records(tmp_path).runs()
    assert {run.state for run in runs} == {"finished"}
    recorded = [(doc["uid"], name) for run in runs for name, doc in run.documents]
    assert len(recorded) == len(set(recorded))
    assert set(emitted) <= set(recorded)
    n_aborted = sum(run.stop is not None and run.stop["exit_status"] == "abort" for run in runs)
    assert n_aborted == len(recovered) <= n_kills
    # Beyond what was announced there is at most the document being written at each kill, and the synthesised ends.
    assert len(recorded) - len(emitted) <= n_kills + len(recovered)
    print(f"{n_kills} kills, {len(emitted)} documents emitted, {len(recorded)} recorded, {len(recovered)} runs closed")  # noqa: T201
