"""The twin on the wire: servers on loopback that speak the instruments' protocols, each a thin face of a twin driver."""

from __future__ import annotations

from .serve import WireTwin, serve_twin
from .shared import Shared

__all__ = ["Shared", "WireTwin", "serve_twin"]
