"""Whole files: content takes the place of what was there at once, or not at all.

Whoever reads meanwhile, or after the writer was killed, finds what was there or what is there now.
"""

import tempfile
from pathlib import Path


def write_whole(target: Path, content: bytes, mode: int) -> None:
    """Put *content* to *target*, with *mode* less the umask; OSError where that cannot be.

    A pipe or a device is written to, never replaced.
    """
    if target.exists() and not target.is_file():
        target.write_bytes(content)
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
