"""Writes a histogram file (.phu) as PicoQuant's programs do: unified tags, then the counts.

The form is that of PicoQuant's published readers of its unified file format (tags of 48 bytes: name, index, type, value).
"""

from __future__ import annotations

import struct

from devices.histogram import Histogram

__all__ = ["phu"]

_INT8, _FLOAT8, _ANSI, _EMPTY = 0x10000008, 0x20000008, 0x4001FFFF, 0xFFFF0008


def _tag(name: str, value: float | str | None, index: int = -1) -> bytes:
    head = struct.pack("<32si", name.encode("ascii"), index)
    if value is None:
        return head + struct.pack("<Iq", _EMPTY, 0)
    if isinstance(value, str):
        text = value.encode("cp1252") + b"\0"
        text += b"\0" * (-len(text) % 8)
        return head + struct.pack("<Iq", _ANSI, len(text)) + text
    if isinstance(value, int):
        return head + struct.pack("<Iq", _INT8, value)
    return head + struct.pack("<Id", _FLOAT8, value)


def phu(histogram: Histogram) -> bytes:
    """A file with this one curve."""
    n_bins = histogram.counts.size
    photons = round(histogram.n_photons)

    def header(offset: int) -> bytes:
        tags = [
            _tag("File_GUID", "{00000000-0000-0000-0000-000000000000}"),
            _tag("CreatorSW_Name", "vitrail twin"),
            _tag("CreatorSW_Version", "1"),
            _tag("Measurement_Mode", 0),
            _tag("Measurement_SubMode", 1),  # integrating
            _tag("MeasDesc_Resolution", histogram.bin_width_ns * 1e-9),
            _tag("MeasDesc_AcquisitionTime", round(histogram.acquisition_s * 1e3)),
            _tag("HistoResult_NumberOfCurves", 1),
            _tag("HistoResult_BitsPerBin", 32),
            _tag("HistResDscr_CurveIndex", 0, 0),
            _tag("HistResDscr_HWModel", "simulated", 0),
            _tag("HistResDscr_MDescResolution", histogram.bin_width_ns * 1e-9, 0),
            _tag("HistResDscr_MDescStopAfter", round(histogram.acquisition_s * 1e3), 0),
            _tag("HistResDscr_SyncRate", round(histogram.excitation_rate_kHz * 1e3), 0),
            _tag("HistResDscr_IntegralCount", photons, 0),
            _tag("HistResDscr_HistogramBins", n_bins, 0),
            _tag("HistResDscr_DataOffset", offset, 0),
            _tag("Header_End", None),
        ]
        return b"PQHISTO\0" + b"1.0.00".ljust(8, b"\0") + b"".join(tags)

    return header(len(header(0))) + histogram.counts.astype("<u4", casting="unsafe").tobytes()
