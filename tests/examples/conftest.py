"""Puts the example project on the import path, where theseus puts it when a job runs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "nanolm"))
