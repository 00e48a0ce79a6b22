"""What can go wrong with records, by name."""

__all__ = ["CatalogError", "CodecError", "LogWriteError", "RecordError"]


class RecordError(Exception):
    """A record is not there, or not as it must be.

    To do: `vitrail records check` says what is there.
    """


class CodecError(RecordError):
    """A document cannot be turned into bytes, or bytes not into a document.

    To do: put only numbers, text, lists, mappings and arrays into documents; the message names the culprit's
    place.
    """


class LogWriteError(RecordError):
    """The write-ahead log cannot take a document: the run must stop before its next step.

    To do: make room on the disk or mend it; then `vitrail campaign resume`.
    """


class CatalogError(RecordError):
    """The catalog cannot be opened, owned or brought up to date.

    To do: nothing is lost: the logs are whole. `vitrail records rebuild` makes the catalog anew.
    """
