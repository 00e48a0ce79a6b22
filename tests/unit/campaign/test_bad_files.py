"""Files that must be refused: `bad/*.toml`, each with the messages that it must get in comments on top; and noise."""

import random
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beamline.campaign import Campaign, CampaignFileError, load_campaign, parse_campaign
from beamline.problems.files import MAX_FILE_BYTES, MAX_PROBLEMS_SHOWN

BAD = sorted((Path(__file__).parent / "bad").glob("*.toml"))
GOOD = Path(__file__).parents[3] / "examples" / "night.toml"


def _messages(path: Path) -> list[str]:
    with pytest.raises(CampaignFileError) as refused:
        load_campaign(path)
    lines = str(refused.value).splitlines()
    assert len(lines) == len(refused.value.problems)
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_gets_its_messages(path: Path) -> None:
    marker = "# expect: "
    expected = [line.removeprefix(marker) for line in path.read_text().splitlines() if line.startswith(marker)]
    assert expected, "every bad file states what it must get"
    messages = _messages(path)
    assert len(messages) == len(expected), messages
    for message, wanted in zip(messages, expected, strict=True):  # the parser's own words end differently by version
        assert message.startswith(wanted.removesuffix("...")) if wanted.endswith("...") else message == wanted


def test_there_are_bad_files() -> None:
    assert len(BAD) >= 40


# ------------------------------------------------------------------------------------------------- not even a text
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file is empty"),
        (b" \n\t\r\n", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"name = '\xff'", "byte 9 is not UTF-8; save the file as UTF-8 text"),
        ("name = 'night'".encode("utf-16"), "byte 1 is not UTF-8; save the file as UTF-8 text"),
        (b"x = " + b"[" * 900, "brackets are nested too deeply"),
        (b"\n" * 3 + b".".join([b"a"] * 60_000) + b" = 1", "line 4 is longer than 1000 characters"),
        (b"seed = " + b"1" * 5000, "line 1 is longer than 1000 characters"),
        (b"#" * (MAX_FILE_BYTES + 1), "the file is larger than 256 KiB"),
        (b"\x00" * 20, "this is not TOML"),
    ],
    ids=["empty", "blank", "bom", "latin-1", "utf-16", "brackets", "dotted-key", "digits", "large", "zeros"],
)
def test_no_text_of_a_campaign(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "night.toml"
    path.write_bytes(content)
    [message] = _messages(path)
    assert expected in message


def test_ten_megabytes_of_noise_are_refused_by_their_size(tmp_path: Path) -> None:
    path = tmp_path / "noise.toml"
    path.write_bytes(random.Random(1).randbytes(10_000_000))  # noise, not a secret
    [message] = _messages(path)
    assert "larger than 256 KiB" in message


def test_what_is_not_a_file(tmp_path: Path) -> None:
    assert _messages(tmp_path) == ["this is a folder; give the path of a file (TOML)"]
    assert _messages(tmp_path / "none.toml") == ["there is no such file"]
    assert _messages(tmp_path / "none" / "none.toml") == ["there is no such file"]
    assert _messages(Path("/dev/zero")) == ["this is not a regular file; give the path of a file (TOML)"]
    assert "cannot be read" in _messages(Path("night\0.toml"))[0]
    assert "cannot be read: File name too long" in _messages(tmp_path / ("x" * 300))[0]


def test_many_mistakes_are_counted_not_all_shown() -> None:
    text = "\n".join(f"key_{i} = {i}" for i in range(50))
    with pytest.raises(CampaignFileError) as refused:
        parse_campaign(text)
    lines = str(refused.value).splitlines()
    assert len(lines) == MAX_PROBLEMS_SHOWN + 1
    assert lines[-1] == "campaign: and 33 more"  # 50 unknown keys; name, glass and coupon are missing
    assert len(refused.value.problems) == 53


# ------------------------------------------------------------------------------------------------------------ noise
@given(content=st.binary(max_size=400))
@example(content=b"\x80")
def test_any_bytes_are_a_campaign_or_refused_with_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("noise") / "night.toml"
    path.write_bytes(content)
    with pytest.raises(CampaignFileError) as refused:
        load_campaign(path)
    assert all(line.isprintable() for line in str(refused.value).splitlines())


TOML_VALUES = st.recursive(
    st.one_of(
        st.booleans().map(lambda b: str(b).lower()),
        st.integers(-(2**63), 2**63 - 1).map(str),
        st.floats().map(repr),
        st.sampled_from(['"BrI"', '""', "07:30:00", "1979-05-27", "1979-05-27T07:32:00Z", "nan", "-inf"]),
    ),
    lambda values: st.one_of(
        st.lists(values, max_size=3).map(lambda v: f"[{', '.join(v)}]"),
        st.dictionaries(st.sampled_from("abc"), values, max_size=2).map(
            lambda d: f"{{{', '.join(f'{k} = {v}' for k, v in d.items())}}}"
        ),
    ),
    max_leaves=4,
)
KEYS = sorted(Campaign.model_fields) + [
    f"{table}.{key}"
    for table in ("optimizer", "objective", "space", "measurement", "sites", "stop")
    for key in Campaign.model_fields[table].annotation.model_fields  # type: ignore[union-attr]  # each is a model
]


@given(key=st.sampled_from(KEYS), value=TOML_VALUES)
def test_any_value_at_any_key_is_taken_or_explained(key: str, value: str) -> None:
    # what the example says of the same key gives way to the value under test
    table, _, leaf = key.rpartition(".")
    lines, here = [f"{key} = {value}"], ""
    for line in GOOD.read_text().splitlines():
        if line.startswith("["):
            here = line.strip("[] ").split("]")[0]
        if here.split(".")[0] == key or (here == table and line.startswith(f"{leaf} ")) or (table and here == table):
            continue
        lines.append(line)
    text = "\n".join(lines)
    try:
        parse_campaign(text)
    except CampaignFileError as refused:
        for problem in refused.problems:
            assert str(problem).isprintable()
            assert len(str(problem)) < 400
            assert not problem.text.startswith("this is not TOML"), text
