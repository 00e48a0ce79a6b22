"""Nights on many hidden truths: how many coupons each optimiser needs to meet the specification of a campaign.

    python benchmarks/nights.py [--campaign examples/night.toml] [--seeds 20] [--kinds physics,random] [--jobs 2]

The same as `vitrail study`, in a folder that is gone afterwards: nothing is taken from an earlier run.
"""

from __future__ import annotations

import argparse
import tempfile

from beamline.cli.study import study


def main() -> None:
    """Run all nights and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaign", default="examples/night.toml")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--kinds", default="physics,random")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nights-") as out:
        words = [options.campaign, "--seeds", f"1-{options.seeds}", "--kinds", options.kinds]
        study.main([*words, "--jobs", str(options.jobs), "--out", out], standalone_mode=False)


if __name__ == "__main__":
    main()
