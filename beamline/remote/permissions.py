"""Who may send what to the queue: the groups of users that the queue server knows.

A client says itself to which group it belongs: this keeps mistakes away, and nobody who means ill. That is done by the key.
"""

from __future__ import annotations

from typing import Any

__all__ = ["GROUPS", "permissions"]

GROUPS = {
    "primary": "sends campaigns and experiments; it is what a client belongs to that says nothing",
    "observer": "sends nothing, and reads what the queue and the bench are",
}


def permissions() -> dict[str, Any]:
    """The file of permissions; functions are nobody's, for one that runs in the worker is no plan that is looked after."""
    nothing: dict[str, list[Any]] = {"allowed_functions": []}
    devices = [":?.*:depth=2"]
    return {
        "user_groups": {
            "root": {"allowed_plans": [None], "forbidden_plans": [":^_"], "allowed_devices": [None], **nothing},
            "primary": {"allowed_plans": [":.*"], "allowed_devices": devices, **nothing},
            "observer": {"allowed_plans": [], "allowed_devices": devices, **nothing},
        }
    }
