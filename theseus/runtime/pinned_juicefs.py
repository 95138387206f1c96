"""The juicefs that the config pins: fetched once for all runs, its sha256 checked.

Here: one download, of the very bytes the config names, into the tools of the share. Never here:
another release, or choosing one.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import sys
import tarfile
import tempfile
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Mapping, Optional

from theseus.runtime.juicefs import JuicefsError

FETCH_SECONDS = 60.0


def pinned_juicefs(environment: Mapping[str, str]) -> Optional[str]:
    """The program that *environment* pins, fetched when it is missing; None when it pins none."""
    url, sha256 = environment.get("THESEUS_JUICEFS_URL"), environment.get("THESEUS_JUICEFS_SHA256")
    if not url or not sha256:
        return None
    tools = Path(environment["THESEUS_TOOLS"])
    program = tools / f"juicefs-{sha256[:16]}"
    try:
        if not program.exists():
            tools.mkdir(parents=True, exist_ok=True)
            with (tools / "lock").open("a") as lock:
                with suppress(OSError):  # where a file system has no locks the rename decides
                    fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
                if not program.exists():
                    print(f"theseus: fetching {url}", file=sys.stderr, flush=True)
                    _settle(_program(_fetched(url, sha256)), program)
    except (OSError, tarfile.TarError) as error:
        raise JuicefsError(
            f"the juicefs of {url} cannot be had ({error}): where this node reaches no network,"
            f" put the program at {program} yourself, mode 0755"
        ) from None
    return str(program)


def _fetched(url: str, sha256: str) -> bytes:
    with urllib.request.urlopen(url, timeout=FETCH_SECONDS) as answer:  # noqa: S310  the config admits https and http alone
        content: bytes = answer.read()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise JuicefsError(
            f"{url} has the sha256 {found}, not the one that the config pins: if the release is"
            " right, correct `juicefs` of this cluster"
        )
    return content


def _program(content: bytes) -> bytes:
    """The program in an archive, or what was fetched when it is none."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and Path(member.name).name == "juicefs":
                return file.read()
    raise tarfile.TarError("there is no `juicefs` in the archive")


def _settle(content: bytes, program: Path) -> None:
    descriptor, new = tempfile.mkstemp(prefix=f"{program.name}.new-", dir=str(program.parent))
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), 0o755)
    Path(new).replace(program)
