"""What can go wrong with records, by name."""

__all__ = ["CatalogError", "CodecError", "LogWriteError", "RecordError"]


class RecordError(Exception):
    """A record is not there, or not as it must be."""


class CodecError(RecordError):
    """A document cannot be turned into bytes, or bytes not into a document."""


class LogWriteError(RecordError):
    """The write-ahead log cannot take a document: the run must stop before its next step."""


class CatalogError(RecordError):
    """The catalog cannot be opened, owned or brought up to date."""
