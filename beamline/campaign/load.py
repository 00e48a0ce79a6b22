"""Reading a campaign file, and refusing a bad one with one clear message for each mistake."""

from __future__ import annotations

from pathlib import Path

from beamline.campaign.file import Campaign
from beamline.problems import BadFileError, load_toml, parse_toml

__all__ = ["CampaignFileError", "load_campaign", "parse_campaign"]


class CampaignFileError(BadFileError):
    """A campaign file that cannot be used; `problems` holds one for each mistake."""


def load_campaign(path: Path | str) -> Campaign:
    """Read and check a campaign file.

    Raises:
        CampaignFileError: it cannot be read, is not TOML, or says something that is not allowed.
    """
    return load_toml(path, Campaign, CampaignFileError)


def parse_campaign(text: str, source: str = "campaign") -> Campaign:
    """Check the text of a campaign file; `source` is how the messages call it.

    Raises:
        CampaignFileError: it is not TOML, or says something that is not allowed.
    """
    return parse_toml(text, Campaign, source, CampaignFileError)
