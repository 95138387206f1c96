"""Whole files: content takes the place of what was there at once, or not at all.

Whoever reads meanwhile, or after the writer was killed, finds what was there or what is there now.
"""

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(target: Path, content: bytes, mode: int) -> None:
    """Put *content* to *target*, with *mode* less the umask; OSError where that cannot be.

    A pipe or a device is written to, never replaced; so is where this process prints.
    """
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    if (printing := _printing_to(target)) is not None:
        (sys.stdout if printing == 1 else sys.stderr).flush()
        with open(printing, "wb", closefd=False) as stream:
            stream.write(content)
        return
    place = target.resolve()
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".theseus-") as beside:
        written = Path(beside) / "content"
        written.touch(mode)
        written.write_bytes(content)
        written.replace(place)


def write_new(target: Path, content: bytes) -> None:
    """Put *content* to *target*, where nothing is yet; OSError where that cannot be."""
    file = target.open("xb")
    try:
        with file:
            file.write(content)
    except OSError:
        target.unlink()
        raise


def _printing_to(target: Path) -> int | None:
    """The descriptor of standard output or error, where that goes to *target*."""
    with suppress(OSError):
        found = target.stat()
        return next((each for each in (1, 2) if os.path.samestat(found, os.fstat(each))), None)
    return None
