from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from beamline.records import LogWriter, RecordError, Records, read_run, replay, spectrum
from beamline.records.reader import Ends


@pytest.fixture(scope="module")
def folder(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two coupons of one campaign, one of another."""
    made = tmp_path_factory.mktemp("nights")
    with LogWriter(made, sync="never") as log:
        writer = synthetic.night(log, n_coupons=2)
        synthetic.Writer(log, "night-2", writer.time).coupon(3)
    return Path(made)


def purposes(runs: list[Any]) -> list[str]:
    return [run.start["purpose"] for run in runs]


def test_runs_come_in_the_order_of_their_start(folder: Path) -> None:
    coupon = ["decision", "writing", "heat_treatment", "measurement"]
    assert purposes(Records(folder).runs()) == ["campaign", *coupon, *coupon, *coupon]


@pytest.mark.parametrize(
    ("wanted", "n_found"),
    [
        ({"purpose": "measurement"}, 3),
        ({"purpose": "measurement", "campaign": "night-1"}, 2),
        ({"campaign": "uid-of-night-2"}, 4),
        ({"campaign": {"name": "night-2"}}, 4),
        ({"coupon": "C02"}, 3),
        ({"coupon": {"glass": {"name": "Br50I50"}}}, 9),
        ({"coupon.glass.name": "Br50I50", "purpose": "writing"}, 3),
        ({"n_coupon": lambda number: number > 1}, 6),
        ({"scan_id": 1}, 2),
        ({"purpose": "measurment"}, 0),
        ({"no_such_key": None}, 0),
        ({"coupon.no.such.key": 1}, 0),
    ],
)
def test_runs_are_found_by_metadata(folder: Path, wanted: dict[str, Any], n_found: int) -> None:
    assert len(Records(folder).runs(**wanted)) == n_found


def test_runs_are_found_by_time(folder: Path) -> None:
    records = Records(folder)
    times = [run.start["time"] for run in records.runs()]
    assert [run.start["time"] for run in records.runs(since=times[2], until=times[5])] == times[2:5]


def test_looking_again_reads_only_what_is_new(
    folder: Path, synthetic: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from beamline.records import store

    n_read = 0
    original = store.read_ends

    def counted(path: Path) -> Ends:
        nonlocal n_read
        n_read += 1
        return original(path)

    monkeypatch.setattr(store, "read_ends", counted)
    records = Records(folder)
    n_runs = len(records.runs())
    assert n_read == n_runs
    records.runs(purpose="writing")
    assert n_read == n_runs
    with LogWriter(folder, sync="never") as log:
        docs = synthetic.documents(lambda writer: synthetic.Writer(writer.sink, "late", synthetic.T0 + 1e6).anneal(9))
        log(*docs[0])
        assert len(records.runs()) == n_runs + 1
        assert records.runs(campaign="late")[0].stop is None
        for name, doc in docs[1:]:
            log(name, doc)
    assert records.runs(campaign="late")[0].stop is not None
    assert n_read == n_runs + 2
    records.runs(campaign="late")[0].path.unlink()


def test_a_run_is_found_by_the_beginning_of_its_uid(folder: Path) -> None:
    records = Records(folder)
    uid = records.runs()[3].uid
    assert records.run(uid[:8]).uid == uid
    for wrong in ("", "zz", "../x"):
        with pytest.raises(RecordError, match="vitrail records list"):
            records.run(wrong)


def test_a_folder_without_records_is_empty(tmp_path: Path) -> None:
    records = Records(tmp_path / "nothing")
    assert records.runs() == []
    assert records.problems() == []
    assert records.close_orphans() == []


def test_a_table_has_columns_and_units(folder: Path, synthetic: ModuleType) -> None:
    run = Records(folder).runs(purpose="measurement")[0]
    assert run.streams == ("spectra", "dark")
    table = run.table("spectra")
    assert table["spectrometer_counts"].shape == (3, 2048)
    assert table.units["spectrometer_counts"] == "counts"
    assert table.units["clock_s"] == table.units["time"] == "s"
    assert list(table["site_name"]) == ["S00", "S01", "S02"]
    assert list(table["seq_num"]) == [1, 2, 3]
    np.testing.assert_array_equal(table["spectrometer_counts"][2], synthetic.spectrum_counts(2))
    table["clock_s"][0] = 1.0  # columns are the caller's own
    assert len(run.events("spectra")) == 3
    assert run.events("nothing") == ()
    with pytest.raises(RecordError, match="dark"):
        run.table("nothing")
    with pytest.raises(KeyError, match="clock_s"):
        table["nothing"]


def test_a_stream_without_events_has_empty_columns(tmp_path: Path, synthetic: ModuleType) -> None:
    with LogWriter(tmp_path) as log:
        run = synthetic.Writer(log).measure(1, n_sites=0)
    table = Records(tmp_path).run(run.uid).table("spectra")
    assert table["spectrometer_counts"].shape == (0, 2048)
    assert table["site_name"].dtype.kind == "U"


def test_arrays_of_different_lengths_stay_apart(tmp_path: Path, synthetic: ModuleType) -> None:
    with LogWriter(tmp_path) as log:
        run = synthetic.Writer(log).begin("measurement", 1)
        stream = run.stream("trace", {"y": {"source": "", "dtype": "array", "shape": [None]}})
        stream({"y": np.arange(3.0)})
        stream({"y": np.arange(5.0)})
        run.end()
    column = Records(tmp_path).run(run.uid).table("trace")["y"]
    assert [len(values) for values in column] == [3, 5]


def test_event_pages_are_events(tmp_path: Path, synthetic: ModuleType) -> None:
    from event_model import pack_event_page

    docs = synthetic.documents(lambda writer: writer.anneal(1))
    page = pack_event_page(*(doc for name, doc in docs if name == "event"))
    with LogWriter(tmp_path) as log:
        for name, doc in [*docs[:2], ("event_page", page), docs[-1]]:
            log(name, doc)
    (run,) = Records(tmp_path).runs()
    assert list(run.table("furnace")["furnace_temperature_C"]) == [25.0, 430.0, 25.0]


def test_configuration_has_units(folder: Path, synthetic: ModuleType) -> None:
    config = Records(folder).runs(purpose="measurement")[0].config("spectra")
    np.testing.assert_array_equal(config["spectrometer_wavelength_nm"], synthetic.WAVELENGTH_nm)
    assert config.units == {"spectrometer_wavelength_nm": "nm", "spectrometer_gain": "electrons/count"}


def test_a_spectrum_comes_with_axis_and_units(folder: Path, synthetic: ModuleType) -> None:
    run = Records(folder).runs(purpose="measurement")[0]
    wavelength_nm, counts, units = spectrum(run, "S01")
    np.testing.assert_array_equal(wavelength_nm, synthetic.WAVELENGTH_nm)
    np.testing.assert_array_equal(counts, synthetic.spectrum_counts(1))
    assert units == {"wavelength_nm": "nm", "counts": "counts"}
    assert spectrum(run, "", "dark").counts[0] == 100.0
    with pytest.raises(RecordError, match="S00"):
        spectrum(run, "S99")
    with pytest.raises(RecordError, match="spectra"):
        spectrum(run, "S01", "nothing")
    with pytest.raises(RecordError, match="exposures"):
        spectrum(Records(folder).runs(purpose="writing")[0], "S01")


def test_replay_hands_over_exactly_what_was_recorded(folder: Path, synthetic: ModuleType, is_same: Any) -> None:
    written = synthetic.documents(lambda writer: synthetic.night(writer.sink))
    seen: list[Any] = []
    n_documents = Records(folder).replay(lambda name, doc: seen.append([name, doc]), campaign="night-1")
    assert n_documents == len(seen) == len(written)
    # The two nights differ in their uids alone.
    assert [name for name, _doc in seen] == [name for name, _doc in written]
    for (_name, first), (_other, second) in zip(written, seen, strict=True):
        assert is_same(first.get("data"), second.get("data"))
    assert replay(read_run(Records(folder).runs()[0].path), lambda _name, _doc: None) == 2


def test_problems_name_file_and_offset(tmp_path: Path, synthetic: ModuleType) -> None:
    with LogWriter(tmp_path) as log:
        synthetic.night(log, n_coupons=1)
        writer = synthetic.Writer(log, "late", synthetic.T0 + 1e6)
        assert Records(tmp_path).problems() == []
        writer.measure(2, end=None)
        assert Records(tmp_path).problems() == []
    damaged, *_others, orphan = [run.path for run in Records(tmp_path).runs()]
    data = bytearray(damaged.read_bytes())
    data[40] ^= 1
    damaged.write_bytes(bytes(data))
    first, second = Records(tmp_path).problems()
    assert first.startswith(f"{damaged}: byte 20: checksum")
    assert str(orphan) in second
    assert "no end" in second
    assert len(Records(tmp_path).runs(campaign="night-1")) == 4
    lost = Records(tmp_path).run(damaged.stem.split("_")[1])
    with pytest.raises(RecordError, match="byte 20"):
        _ = lost.start


def test_a_running_run_can_be_looked_at(tmp_path: Path, synthetic: ModuleType) -> None:
    with LogWriter(tmp_path) as log:
        open_run = synthetic.Writer(log).measure(1, end=None)
        run = Records(tmp_path).run(open_run.uid)
        assert run.state == "running"
        assert run.stop is None
        assert len(run.table("spectra")["time"]) == 3
        assert "running" in repr(run)
    assert Records(tmp_path).run(open_run.uid).state == "orphaned"
