"""`python -m beamline.watchdog FD`: for `Watchdog`, which starts it; FD is its end of a socket pair."""

from __future__ import annotations

import sys

from beamline.watchdog.process import main

if __name__ == "__main__":
    main(int(sys.argv[1]))
