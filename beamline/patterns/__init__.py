"""Pictures to be written: images, text and QR codes as cells of colours, and cells as strokes of lines."""

from beamline.patterns.pattern import Pattern, PatternError
from beamline.patterns.sources import image_pattern, qr_pattern, text_pattern
from beamline.patterns.strokes import Stroke, strokes

__all__ = ["Pattern", "PatternError", "Stroke", "image_pattern", "qr_pattern", "strokes", "text_pattern"]
