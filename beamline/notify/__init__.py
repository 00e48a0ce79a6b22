"""Tells somebody elsewhere that a night has ended, has failed, or wants its operator. Off unless the instrument file asks for it.

Only the standard library speaks here. What fails is logged and disturbs nothing: the night does not wait for a message.
"""

from beamline.notify.channels import NotifyError, send
from beamline.notify.notifier import Notifier
from beamline.notify.secrets import Secret, SecretMissingError, find_secret
from beamline.notify.settings import EmailSettings, NotifySettings, NtfySettings, WebhookSettings
from beamline.notify.words import Notice, notice_of

__all__ = [
    "EmailSettings",
    "Notice",
    "Notifier",
    "NotifyError",
    "NotifySettings",
    "NtfySettings",
    "Secret",
    "SecretMissingError",
    "WebhookSettings",
    "find_secret",
    "notice_of",
    "send",
]
