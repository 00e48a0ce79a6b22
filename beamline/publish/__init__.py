"""Publishing: a campaign as NeXus/HDF5, as tidy CSV, and as a crate that can be checked again.

Everything is made from the logs and can be made anew. Import is cheap: h5py and matplotlib are loaded when they are needed.
"""

from beamline.publish.archives import ArchiveRefusedError
from beamline.publish.checksums import Discrepancy, verify, write_manifest
from beamline.publish.crate import CrateReport, verify_crate, write_crate
from beamline.publish.metadata import Publication
from beamline.publish.nexus import write_nexus
from beamline.publish.results import Results, SiteResult, SiteSpectrum, campaign_results
from beamline.publish.tables import write_tables

__all__ = [
    "ArchiveRefusedError",
    "CrateReport",
    "Discrepancy",
    "Publication",
    "Results",
    "SiteResult",
    "SiteSpectrum",
    "campaign_results",
    "verify",
    "verify_crate",
    "write_crate",
    "write_manifest",
    "write_nexus",
    "write_tables",
]
