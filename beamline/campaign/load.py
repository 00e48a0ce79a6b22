"""Reading a campaign file, and refusing a bad one with one clear message for each mistake."""

from __future__ import annotations

from pathlib import Path

from beamline.campaign.file import Campaign
from beamline.physics.parameter_file import ParameterFileError, edits_of, read_prior
from beamline.problems import BadFileError, Problem, load_toml, parse_toml

__all__ = ["CampaignFileError", "load_campaign", "parse_campaign"]


class CampaignFileError(BadFileError):
    """A campaign file that cannot be used; `problems` holds one for each mistake.

    To do: mend each key that is named; `vitrail campaign check FILE` checks again.
    """


def load_campaign(path: Path | str) -> Campaign:
    """Read and check a campaign file, and the parameter file that it may name.

    Raises:
        CampaignFileError: it cannot be read, is not TOML, or says something that is not allowed.
    """
    campaign = load_toml(path, Campaign, CampaignFileError)
    named = campaign.optimizer.parameters
    if named is None or campaign.optimizer.edits is not None:
        return campaign
    try:
        edits = edits_of(read_prior(Path(path).parent / named))
    except ParameterFileError as error:
        found = [Problem("optimizer.parameters", str(problem), named) for problem in error.problems]
        raise CampaignFileError(str(path), found) from None
    return campaign.model_copy(update={"optimizer": campaign.optimizer.model_copy(update={"edits": edits})})


def parse_campaign(text: str, source: str = "campaign") -> Campaign:
    """Check the text of a campaign file; `source` is how the messages call it.

    Raises:
        CampaignFileError: it is not TOML, or says something that is not allowed.
    """
    return parse_toml(text, Campaign, source, CampaignFileError)
