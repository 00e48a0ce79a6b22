"""`vitrail study`: nights that are there are not lived again, a torn line is cut, bad input is refused, Dask lives the same."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands_in_process import vitrail
from small_campaigns import small_campaign

from beamline.campaign import parse_campaign
from beamline.studies import (
    NightRow,
    RowFile,
    RowFileError,
    StudyError,
    arm_results,
    by_dask,
    draw_study,
    live_night,
    run_study,
    tasks_of,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    (folder / "night.toml").write_text(small_campaign(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def lived(folder: Path) -> dict[str, Any]:
    """A study of one night, by the command."""
    done = vitrail(
        "study", folder / "night.toml", "--seeds", 3, "--kinds", "random", "--jobs", 1, "--out", folder, "--json"
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def row(seed: int, *p: float, arm: str = "random", campaign: str = "a") -> NightRow:
    return NightRow(campaign=campaign, digest="d", arm=arm, seed=seed, p_reached=p, hours=2.0, reason="done")


def test_a_study_is_lived_once_and_says_where_its_results_are(folder: Path, lived: dict[str, Any]) -> None:
    (result,) = lived["results"]
    assert (result["arm"], result["n_nights"]) == ("random", 1)
    (line,) = (folder / "nights.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["seed"] == 3
    assert [Path(path).suffix for path in lived["figures"]] == [".png", ".svg", ".csv"]
    again = vitrail("study", folder / "night.toml", "--seeds", 3, "--kinds", "random", "--jobs", 1, "--out", folder)
    assert again.stderr == "1 nights, of which 1 are there\n"
    assert "random    " in again.stdout


def test_a_dask_cluster_lives_the_same_night_to_the_last_digit(
    folder: Path, lived: dict[str, Any], tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed (the extra `study`)")
    assert lived
    tasks = tasks_of([parse_campaign(small_campaign())], ["random"], [3])
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp://", host="127.0.0.1"
    ) as cluster:
        rows, failed = run_study(tasks, RowFile(tmp_path / "rows.jsonl"), by_dask(cluster.scheduler_address))
    assert failed == ()
    assert [*rows] == RowFile(folder / "nights.jsonl").rows


def test_nobody_at_the_address_of_the_scheduler_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed (the extra `study`)")
    monkeypatch.setattr("beamline.studies.run.CONNECT_S", 0.3)
    done = vitrail("study", folder / "night.toml", "--dask", "tcp://127.0.0.1:9", "--out", tmp_path)
    assert done.returncode == 2
    assert "no scheduler answers there" in done.stderr


def test_a_line_that_was_torn_is_cut_and_its_night_lived_again(tmp_path: Path) -> None:
    file = RowFile(tmp_path / "new" / "rows.jsonl")
    file.add([row(1, 0.5), row(2, 0.95)])
    whole = file.path.read_bytes()
    file.path.write_bytes(whole + b'{"campaign":"a","dig')
    again = RowFile(file.path)
    assert [r.seed for r in again.rows] == [1, 2]
    assert file.path.read_bytes() == whole
    again.add([row(3, 0.1)])
    assert [r.seed for r in RowFile(file.path).rows] == [1, 2, 3]


def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"name,value\nno end")
    with pytest.raises(RowFileError, match=r"line 1: no result of a study"):
        RowFile(path)
    assert path.read_bytes() == b"name,value\nno end"


def test_only_missing_nights_are_asked_for_and_failures_are_tried_again(tmp_path: Path) -> None:
    tasks = tasks_of([parse_campaign(small_campaign())], ["random", "skopt"], [1, 2])
    asked: list[tuple[str, int]] = []

    def runner(wanted: Any) -> Iterator[NightRow | StudyError]:
        for task in wanted:
            asked.append(task.key[1:])
            if task.key[1:] == ("skopt", 1) and len(asked) < 5:
                yield StudyError("it failed")
            else:
                yield NightRow(
                    campaign="small",
                    digest=task.digest,
                    arm=task.key[1],
                    seed=task.key[2],
                    p_reached=(),
                    hours=0,
                    reason="",
                )

    rows, failed = run_study(tasks, RowFile(tmp_path / "rows.jsonl"), runner)
    assert (len(rows), len(failed)) == (3, 1)
    rows, failed = run_study(tasks, RowFile(tmp_path / "rows.jsonl"), runner)
    assert (len(rows), len(failed)) == (4, 0)
    assert asked == [("random", 1), ("skopt", 1), ("random", 2), ("skopt", 2), ("skopt", 1)]


def test_a_night_that_fails_says_which_one() -> None:
    fault = '[[fault]]\nrole = "laser"\nkind = "refuse"\ncommand = "open_output"\nprobability = 1.0\n[policy]\nwrite = "stop"\n'
    (task,) = tasks_of([parse_campaign(small_campaign(more=fault))], ["random"], [1])
    with pytest.raises(StudyError, match="small, random, seed 1"):
        live_night(task)


def test_results_count_nights_that_were_not_there_as_late() -> None:
    rows = [row(1, 0.2, 0.95), row(2, 0.91), row(3, 0.1, 0.1), row(1, 0.1, arm="skopt")]
    random, skopt = arm_results(rows)
    assert (random.n_reached, random.n_nights, random.median_coupon) == (2, 3, 2)
    assert (skopt.n_reached, skopt.median_coupon) == (0, None)


def test_the_figure_has_its_numbers_beside_it(tmp_path: Path) -> None:
    png, _svg, table = draw_study([row(1, 0.2, 0.95), row(2, 0.91), row(1, 0.1, arm="skopt")], tmp_path)
    assert png.read_bytes().startswith(b"\x89PNG")
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(r["optimiser"], r["coupons"], r["n_reached"]) for r in rows[:3]] == [
        ("random", "0", "0"),
        ("random", "1", "1"),
        ("random", "2", "2"),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kinds", "wizard"], "wizard: no optimiser of a campaign; there are: physics, skopt, random"),
        (["--kinds", ""], "no optimiser is given"),
        (["--seeds", ""], "neither a number nor a range"),
        (["--seeds", "9-3"], "'9-3' is neither a number nor a range that rises"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    done = vitrail("study", folder / "night.toml", *words, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_campaign_file_that_is_wrong_and_two_of_one_name_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("name = 3", encoding="utf-8")
    assert vitrail("study", tmp_path / "bad.toml").returncode == 2
    assert vitrail("study", tmp_path / "none.toml").returncode == 2
    twice = vitrail("study", folder / "night.toml", folder / "night.toml", "--out", tmp_path)
    assert "two campaigns are called small" in twice.stderr
