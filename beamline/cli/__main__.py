"""`python -m beamline.cli` is `vitrail`."""

from beamline.cli import main

main(prog_name="vitrail")
