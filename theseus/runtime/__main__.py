"""`python -m theseus.runtime RUN_DIRECTORY`: the supervisor's command line alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from theseus.runtime.supervisor import supervise

if __name__ == "__main__":
    sys.exit(supervise(Path(sys.argv[1]).absolute(), os.environ))
