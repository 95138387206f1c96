"""Makes an environment independent of the work directory in which it was made.

A project is installed editable: the environment names its source by path. Here: naming it by the
work directory of whichever run uses the environment, and telling when that cannot be done. Never
here: making or sharing environments.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple
from urllib.parse import unquote, urlsplit


class AttachedError(Exception):
    """An environment serves only the work directory it was made in; the text says why."""


def detach(environment: Path, work_dir: Path) -> None:
    """Let *environment* find the source in the work directory of the run; or AttachedError."""
    rewritten: Dict[Path, str] = {}
    for information in sorted(environment.glob("lib/python*/site-packages/*.dist-info")):
        if _is_editable(information, work_dir):
            rewritten.update(_path_files(information, work_dir))
    for path, text in rewritten.items():
        # a file of the cache may have another name here: it is replaced, not written to
        path.unlink()
        path.write_text(text, encoding="ascii")


def _is_editable(information: Path, work_dir: Path) -> bool:
    """Whether the installed package of *information* is a directory of the source, as it lies."""
    try:
        document = json.loads((information / "direct_url.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    if not document.get("dir_info", {}).get("editable"):
        return False
    return _beneath(unquote(urlsplit(document["url"]).path), work_dir) is not None


def _path_files(information: Path, work_dir: Path) -> Iterator[Tuple[Path, str]]:
    """The files that put the package on the import path, with their new text."""
    for file in _installed(information):
        installed = information.parent / file
        if file.endswith(".pth") and "/" not in file:
            yield installed, "".join(_lines(installed, work_dir))
        elif file.startswith("../"):
            if os.fsencode(work_dir) in installed.read_bytes():
                raise AttachedError(f"the script {installed.name} names the work directory")
        elif not file.startswith(f"{information.name}/"):
            raise AttachedError(f"its build installs {file}, not a path alone")


def _installed(information: Path) -> List[str]:
    with (information / "RECORD").open(encoding="utf-8", newline="") as stream:
        return [row[0] for row in csv.reader(stream) if row]


def _lines(path_file: Path, work_dir: Path) -> Iterator[str]:
    for line in path_file.read_text(encoding="utf-8").splitlines():
        below = _beneath(line, work_dir) if line.startswith("/") else None
        if below is None:
            raise AttachedError(f"its {path_file.name} holds more than a path")
        # site: a line that begins with `import` is executed
        yield (
            'import os, sys; "THESEUS_WORK_DIR" in os.environ and'
            f' sys.path.append(os.environ["THESEUS_WORK_DIR"] + {below!a})\n'
        )


def _beneath(path: str, work_dir: Path) -> Optional[str]:
    """What follows *work_dir* in *path*: empty for itself, None when *path* lies elsewhere."""
    real, top = os.path.realpath(path), os.path.realpath(work_dir)
    if real == top or real.startswith(f"{top}/"):
        return real[len(top) :]
    return None
