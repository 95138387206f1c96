"""Removing directories that may be read-only.

Here: that alone. Never here: what may be removed.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path


def remove(directory: Path) -> None:
    """Remove *directory* with all that is in it; what is in the way stays."""
    for path, _, _ in os.walk(directory):
        with suppress(OSError):
            Path(path).chmod(0o755)
    shutil.rmtree(directory, ignore_errors=True)  # what is in the way stays
