"""The paper's experiments on the simulated bench, and a table of what its raw data say of P10 to P34."""

from beamline.reproduce.bench import reproduce_on
from beamline.reproduce.desk import COUPONS, LABEL
from beamline.reproduce.rows import Reproduced, judged, model_rows, of_number, of_statement

__all__ = ["COUPONS", "LABEL", "Reproduced", "judged", "model_rows", "of_number", "of_statement", "reproduce_on"]
