"""The parameter table as a file that a person edits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.physics import PARAMETERS, PRIOR, Prior
from beamline.physics.parameter_file import ParameterFileError, parameter_text, read_prior

N = len(PARAMETERS)
_PAIR = ["nose_K", "gap_I_eV"]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_printed_is_what_is_read(tmp_path: Path) -> None:
    assert read_prior(written(tmp_path, parameter_text())) == PRIOR
    assert read_prior(written(tmp_path, "parameters = {}")) == PRIOR


def test_a_file_names_what_differs_and_the_draws_follow_it(tmp_path: Path) -> None:
    mine = read_prior(
        written(
            tmp_path,
            """
            [parameters.nose_K]
            nominal = 970
            spread = 0.01
            status = "literature"
            source = "our own calorimetry"

            [[correlations]]
            between = ["nose_K", "liquidus_K"]
            coefficient = 0.8
            """,
        )
    )
    (nose,) = [p for p in mine.parameters if p.name == "nose_K"]
    assert (nose.nominal, nose.spread, nose.source) == (970.0, 0.01, "our own calorimetry")
    assert sum(p != q for p, q in zip(mine.parameters, PARAMETERS, strict=True)) == 1
    draws = mine.draw(np.random.default_rng(0), 20_000)
    scores = [np.log(draws[name]) for name in ("nose_K", "liquidus_K", "gap_Br_eV", "reduced_mass_Br")]
    assert np.exp(scores[0].mean()) == pytest.approx(970.0, rel=1e-3)
    assert scores[0].std() == pytest.approx(0.01, rel=0.03)
    assert np.corrcoef(scores[0], scores[1])[0, 1] == pytest.approx(0.8, abs=0.02)
    assert abs(np.corrcoef(scores[2], scores[3])[0, 1]) < 0.03  # the file's correlations replace the table's


@given(st.integers(0, 2**32 - 1), st.floats(-0.95, 0.95), st.floats(0.1, 2.0))
def test_the_whitening_undoes_any_correlation(seed: int, coefficient: float, scale: float) -> None:
    prior = Prior(PARAMETERS, {("nose_K", "nose_time_s"): coefficient, ("nose_time_s", "gap_I_eV"): 0.2})
    z = np.random.default_rng(seed).standard_normal((2, N))
    assert prior.to_standard(prior.from_standard(z, scale), scale) == pytest.approx(z, abs=1e-8)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[parameters.nose]\nnominal = 1.0", r"parameters.nose: no parameter of the model; did you mean nose_K\?"),
        ("[parameters.nose_K]\nnominal = 'hot'", "parameters.nose_K.nominal.*not a number"),
        ("[parameters.nose_K]\nspread = -0.1", "nose_K: spread -0.1 must be a finite number above 0"),
        ("[parameters.nose_K]\nunit = 'degC'", r"parameters.nose_K.unit: 'degC' must stay 'K'"),
        ("[parameters.nose_K]\nnominal = nan", "parameters.nose_K.nominal"),
        ("[parameters.nose_K]\nnominal = -3.0", r"nose_K: nominal -3.0 K must be above 0 \(lognormal prior\)"),
        ("[parameters.nose_K]\nmedian = 960.0", "median"),
        ("[[correlations]]\nbetween = ['nose_K']\ncoefficient = 0.5", "between"),
        ("[[correlations]]\nbetween = ['nose_K', 'nose_K']\ncoefficient = 0.5", "two different parameters"),
        ("[[correlations]]\nbetween = ['nose_K', 'gap']\ncoefficient = 0.5", "nose_K and gap"),
        (
            "[[correlations]]\nbetween = ['nose_K', 'gap_I_eV']\ncoefficient = 1.0",
            "nose_K and gap_I_eV: 1.0 is not between -1 and 1",
        ),
        (
            "".join(
                f"[[correlations]]\nbetween = ['{one}', '{other}']\ncoefficient = {value}\n"
                for one, other, value in (
                    ("nose_K", "gap_I_eV", 0.9),
                    ("gap_I_eV", "liquidus_K", 0.9),
                    ("nose_K", "liquidus_K", -0.9),
                )
            ),
            "contradict each other",
        ),
        (
            "correlations = ["
            + ", ".join(f"{{between = {pair}, coefficient = 0.1}}" for pair in (_PAIR, _PAIR[::-1]))
            + "]",
            "given twice",
        ),
        ("[parameters", "TOML"),
    ],
)
def test_a_file_that_is_no_prior_is_refused_with_the_key(tmp_path: Path, text: str, words: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ParameterFileError, match=words) as refused:
        read_prior(path)
    assert str(refused.value).startswith(str(path))


def test_a_prior_holds_all_parameters_of_the_model() -> None:
    with pytest.raises(ValueError, match="all of them"):
        Prior(PARAMETERS[:-1], {})
    with pytest.raises(ValueError, match=r"spread 0\.0 must be"):
        Prior((replace(PARAMETERS[0], spread=0.0), *PARAMETERS[1:]), {})


def test_a_learnt_file_s_numbers_of_the_spectrometer_hang_together_with_the_parameters(tmp_path: Path) -> None:
    text = """
        correlations = [{ between = ["nose_K", "collection_counts_s"], coefficient = 0.8 }]
        [instrument.collection_counts_s]
        nominal = 5e5
        spread = 0.3
        [learned]
        campaigns = ["an-uid"]
        """
    prior = read_prior(written(tmp_path, text))
    assert prior.learned_from == ("an-uid",)
    assert prior.all_names[-1] == "collection_counts_s"
    assert prior.mixing[-1, prior.names.index("nose_K")] == pytest.approx(0.8)
    assert (prior.from_standard(np.eye(len(prior.names))) != PRIOR.from_standard(np.eye(len(PRIOR.names)))).any()
    assert read_prior(written(tmp_path, parameter_text(prior))) == prior


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ("[instrument.colour]\nnominal = 1.0\nspread = 0.1", "colour"),
        ("[instrument.collection_counts_s]\nnominal = -1.0\nspread = 0.1", "above 0"),
        ("[instrument.collection_counts_s]\nnominal = 1.0", "spread"),
    ],
)
def test_wrong_numbers_of_the_spectrometer_are_refused(tmp_path: Path, numbers: str, said: str) -> None:
    with pytest.raises(ParameterFileError, match=said):
        read_prior(written(tmp_path, numbers))
