"""What people said to the optimiser's suggestions, from the decision documents, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from beamline.optimize.decide import Approve, Decided, Edit, OwnPoints, Reject
from beamline.report.data import Said
from beamline.report.words import heat_words

__all__ = ["said_to"]


def said_to(start: Mapping[str, Any]) -> tuple[Said, ...]:
    """All that was said before a decision, in order; nothing where nobody was asked.

    Args:
        start: the start document of a decision.
    """
    return tuple(_said(Decided.model_validate_json(json.dumps(plain))) for plain in start.get("human", ()))


def _said(decided: Decided) -> Said:
    decision = decided.decision
    return Said(
        coupon=decided.suggestion.coupon.serial,
        what=_what(decision),
        by=decision.by,
        interface=decision.interface,
        note=decision.note,
    )


def _what(decision: Approve | Edit | Reject | OwnPoints) -> str:
    if isinstance(decision, Approve):
        return "approved"
    if isinstance(decision, Reject):
        return f"rejected the writing of {', '.join(decision.sites)}" if decision.sites else "rejected"
    if isinstance(decision, OwnPoints):
        return f"{len(decision.points)} points of one's own on {decision.coupon.serial}"
    changes = [heat_words([decision.heat_treatment])] if decision.heat_treatment else []
    changes += [f"other writing of {', '.join(one.site for one in decision.writings)}"] if decision.writings else []
    changes += [f"without {', '.join(decision.leave_out)}"] if decision.leave_out else []
    return f"edited: {'; '.join(changes)}"
