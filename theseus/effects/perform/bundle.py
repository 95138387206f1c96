"""Bundle: many small files as one compressed archive, so that a thousand cost one step.

Content that occurs again is a hard link to its first file: run directories share what is static.
"""

import io
import tarfile
from collections.abc import Iterable

from attrs import field

from theseus.core.values import frozen


@frozen
class BundledFile:
    """A file *name* (a relative path) with *mode* and *content*."""

    name: str
    mode: int
    content: bytes = field(repr=False)  # it may hold secrets


def bundle(files: Iterable[BundledFile]) -> bytes:
    """The gzipped archive of *files*. Times and owners are left to the side that unpacks it."""
    written: dict[tuple[int, bytes], str] = {}
    packed = io.BytesIO()
    with tarfile.open(
        fileobj=packed, mode="w:gz", compresslevel=1, format=tarfile.GNU_FORMAT
    ) as archive:
        for file in files:
            member = tarfile.TarInfo(file.name)
            member.mode = file.mode
            first = written.setdefault((file.mode, file.content), file.name)
            if first == file.name:
                member.size = len(file.content)
                archive.addfile(member, io.BytesIO(file.content))
            else:
                member.type, member.linkname = tarfile.LNKTYPE, first
                archive.addfile(member)
    return packed.getvalue()
