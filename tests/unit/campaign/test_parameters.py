"""A campaign may name an edited parameter file: its optimiser uses it, and the campaign has it whole."""

from pathlib import Path

import numpy as np
import pytest

from beamline.campaign import CampaignFileError, load_campaign, parse_campaign
from beamline.night import optimizer_of
from beamline.optimize.agent import Agent
from beamline.optimize.knowledge import Knowledge
from beamline.optimize.prior import PhysicsPrior
from beamline.optimize.sceptic import Sceptic
from beamline.optimize.transfer import as_prior, prior_text
from beamline.physics import PRIOR

GOOD = (Path(__file__).parents[3] / "examples" / "night.toml").read_text()


def _with(tmp_path: Path, parameters: str) -> Path:
    (tmp_path / "mine.toml").write_text(parameters)
    path = tmp_path / "night.toml"
    path.write_text(GOOD.replace('kind = "physics"', 'kind = "physics"\nparameters = "mine.toml"', 1))
    return path


def test_the_optimiser_uses_it_also_when_the_file_is_gone(tmp_path: Path) -> None:
    campaign = load_campaign(_with(tmp_path, "[parameters.nose_K]\nnominal = 970.0\n"))
    (tmp_path / "mine.toml").unlink()
    again = parse_campaign(campaign.to_toml())
    assert again == campaign
    optimizer = optimizer_of(again)
    assert isinstance(optimizer, Agent)
    assert isinstance(optimizer.prior, PhysicsPrior)
    of = {latent.name: latent.nominal for latent in optimizer.prior.latents}
    assert of["nose_K"] == 970.0
    assert of["liquidus_K"] == PRIOR.nominal()["liquidus_K"][0]


def test_a_prior_that_was_learnt_is_taken_whole_and_not_insisted_on(tmp_path: Path) -> None:
    tables = PhysicsPrior()
    n = len(tables.latents)
    prior = as_prior(Knowledge(tables.latents, np.ones(n), 0.5 * np.eye(n)), learned_from=("an-uid",))
    campaign = parse_campaign(load_campaign(_with(tmp_path, prior_text(prior, "campaign first"))).to_toml())
    assert campaign.optimizer.prior == prior
    optimizer = optimizer_of(campaign)
    assert isinstance(optimizer, Sceptic)
    (first, *_) = (agent.prior for agent in optimizer.agents)
    assert isinstance(first, PhysicsPrior)
    assert first.latents[-3].nominal == prior.instrument[0].nominal


def test_without_one_it_is_the_table() -> None:
    assert parse_campaign(GOOD).optimizer.prior is PRIOR


@pytest.mark.parametrize(
    ("parameters", "words"),
    [("[parameters.nose]\nnominal = 970.0\n", "nose_K"), ("[parameters.nose_K]\nspread = -1.0\n", "above 0")],
)
def test_a_bad_one_is_refused_with_the_place_in_it(tmp_path: Path, parameters: str, words: str) -> None:
    with pytest.raises(CampaignFileError, match=words) as refused:
        load_campaign(_with(tmp_path, parameters))
    assert "optimizer.parameters (mine.toml)" in str(refused.value)
