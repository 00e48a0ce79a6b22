"""What the runs of single experiments say: maps, decays and pictures read back, from the records alone."""

from beamline.experiments.decays import decays_of
from beamline.experiments.maps import PlacedMap, map_of
from beamline.experiments.palette import Colour, candidates, palette
from beamline.experiments.pictures import CellLight, grey_image, light_of_cells

__all__ = [
    "CellLight",
    "Colour",
    "PlacedMap",
    "candidates",
    "decays_of",
    "grey_image",
    "light_of_cells",
    "map_of",
    "palette",
]
