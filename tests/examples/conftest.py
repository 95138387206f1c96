"""Puts the example project on the import path, where theseus puts it when a job runs."""

import os
import sys
from pathlib import Path

# before numpy is imported: with tests on every core, threads would only wait for each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "nanolm"))
