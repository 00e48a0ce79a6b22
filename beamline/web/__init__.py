"""The web page: a night watched from a phone and from a large screen, and asked to wait or to end.

It reads the records and the small files beside them, and no more; so closing it changes nothing. What is asked of a night
goes through `beamline.campaign.asked`. Everything is served from here: no script, font or picture from elsewhere.
"""

from beamline.web.token import read_or_make_token, token_path

__all__ = ["read_or_make_token", "token_path"]
