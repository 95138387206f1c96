"""Package: the files that ship with theseus and go to hosts byte for byte.

The scripts of `sh/`, and `runtime.zip`: what runs on the remote side, packed so that the same
version gives the same bytes on every machine (stored, sorted, without times). Nothing here knows
a plan.
"""

import hashlib
import io
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
RUNTIME = "runtime.zip"
BOOTSTRAP = "bootstrap.sh"
BATCH = "batch.sh"
PACKED = "packed.sh"
LOOK = "look.sh"
RESCAN = "rescan.sh"
CLEAN = "clean.sh"
SLURM = "slurm.sh"
ASKING_SLURM = ("perform.sh", "follow.sh", "enter.sh", LOOK, CLEAN)
TRAVELLING = ("__init__.py", "registry.py", "base", "runtime", "sh/uv-requirements.txt")


@cache
def packaged_content(name: str) -> bytes:
    """The bytes of *name*: `runtime.zip`, or a script of `sh/`, with the functions it needs."""
    if name == RUNTIME:
        return _runtime_archive()
    content = (PACKAGE / "sh" / name).read_bytes()
    return packaged_content(SLURM) + content if name in ASKING_SLURM else content


@cache
def packaged_digest(name: str) -> str:
    """The sha256 of *name*, as plans hold it."""
    return hashlib.sha256(packaged_content(name)).hexdigest()


def _runtime_archive() -> bytes:
    import zipfile  # noqa: PLC0415  for what plans or sends alone

    packed = io.BytesIO()
    # deflate differs between builds of zlib, stored bytes do not; each version is sent once
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in _travelling_files():
            name = f"theseus/{path.relative_to(PACKAGE).as_posix()}"
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # unix
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())
    return packed.getvalue()


def _travelling_files() -> list[Path]:
    files: list[Path] = []
    for name in TRAVELLING:
        path = PACKAGE / name
        files += path.rglob("*.py") if path.is_dir() else [path]
    return sorted(files)
