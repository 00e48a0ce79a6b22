"""What the runs of single experiments say: maps, decays and pictures read back, from the records alone."""

from beamline.experiments.decays import decays_of
from beamline.experiments.drawing import draw_photographs, write_pictures
from beamline.experiments.maps import PlacedMap, map_of
from beamline.experiments.palette import Colour, candidates, palette
from beamline.experiments.photographs import Photograph, overviews_of, photographs_of
from beamline.experiments.pictures import CellLight, colours_of_cells, grey_image, light_of_cells

__all__ = [
    "CellLight",
    "Colour",
    "Photograph",
    "PlacedMap",
    "candidates",
    "colours_of_cells",
    "decays_of",
    "draw_photographs",
    "grey_image",
    "light_of_cells",
    "map_of",
    "overviews_of",
    "palette",
    "photographs_of",
    "write_pictures",
]
