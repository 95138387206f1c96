"""`python -m theseus.runtime RUN_DIRECTORY`: the supervisor's command line alone."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from theseus.runtime.inbox import CAUGHT
from theseus.runtime.supervisor import supervise

if __name__ == "__main__":
    # To the very end: a signal that comes once all is recorded must not change the exit status.
    signal.pthread_sigmask(signal.SIG_BLOCK, CAUGHT)
    sys.exit(supervise(Path(sys.argv[1]).absolute(), os.environ))
