"""What a job left in its work directory.

Here: telling whether the directory holds more than the source and the environment put there before
the job began. Only names, sizes and times are compared: a job may leave terabytes. Never here:
removing anything.
"""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

# What tools rebuild at will.
REBUILT = (
    ".venv",
    "__pycache__",
    "*.egg-info",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".ipynb_checkpoints",
)

Stamp = List[int]  # size in bytes, time of change in seconds; a list, as JSON gives it back


def contents(directory: Path) -> Dict[str, Stamp]:
    """Every file in *directory*, less what tools rebuild, with its size and time of change."""
    return dict(_walk(str(directory), ""))


def leftover(directory: Path, before: Mapping[str, Stamp]) -> Optional[str]:
    """A file in *directory* that is new or changed since *before*, None when there is none."""
    return next(
        (name for name, stamp in _walk(str(directory), "") if before.get(name) != stamp), None
    )


def _walk(directory: str, prefix: str) -> Iterator[Tuple[str, Stamp]]:
    with os.scandir(directory) as found:
        for entry in found:
            if any(fnmatch(entry.name, pattern) for pattern in REBUILT):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{prefix}{entry.name}/")
            else:
                status = entry.stat(follow_symlinks=False)
                yield f"{prefix}{entry.name}", [status.st_size, int(status.st_mtime)]
