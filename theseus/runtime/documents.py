"""JSON files that other processes read while they are written.

Here: a file is whole or not there, at every moment. Never here: what the files mean.
"""

from __future__ import annotations

import errno
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Mapping

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def now() -> str:
    """The time by this machine's clock, as ISO 8601 in UTC."""
    moment = datetime.now(timezone.utc)  # noqa: UP017 - UTC needs 3.11
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def read_document(path: Path) -> Dict[str, Any]:
    """The JSON object in *path*; ValueError when it holds anything else."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds no JSON object")  # noqa: TRY004 - the file is wrong, no type
    return value


def replace_document(path: Path, value: Mapping[str, Any]) -> None:
    """Make *value* the content of *path*, in place of what was there."""
    _written(path, _json(value)).replace(path)


def write_once(path: Path, value: Mapping[str, Any]) -> bool:
    """Make *value* the content of *path* unless there is one already; whether it was made."""
    return write_text_once(path, _json(value))


def write_text_once(path: Path, text: str) -> bool:
    """Make *text* the content of *path* unless there is one already; whether it was made."""
    written = _written(path, text)
    try:
        os.link(written, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _write_exclusively(path, written)
    finally:
        written.unlink()
    return True


def _write_exclusively(path: Path, written: Path) -> bool:
    # FAT, some FUSE and some parallel file systems have no hard links.
    try:
        with path.open("xb") as stream:
            stream.write(written.read_bytes())
    except FileExistsError:
        return False
    return True


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1) + "\n"


def _written(path: Path, text: str) -> Path:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    return temporary
