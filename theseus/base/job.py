"""What a job is called, and what it is told about its run.

Here: names, and the places a run may write to. Never here: how a job is found or started.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

from theseus.base.hardware import ClusterMachine, HardwareResult
from theseus.base.topology import Topology

LONGEST_NAME = 128  # bytes: file systems allow 255 for one name, and a run id is added to it
_UNPRINTABLE = (
    "Cc",
    "Cs",
    "Zl",
    "Zp",
)  # Unicode: controls, lone surrogates, line and paragraph separators


def valid_name(text: str) -> Optional[str]:
    """What is wrong with *text* as the name of a run, project or group; None when it is fine.

    >>> valid_name("it's fine"), valid_name("a/b")
    (None, "holds '/'")
    """
    if not text:
        return "is empty"
    if text in (".", ".."):
        return "is a directory of every directory"
    if text[0] in "-~":
        return f"starts with {text[0]!r}, which commands take for something else"
    for character in text:
        if character == "/" or unicodedata.category(character) in _UNPRINTABLE:
            return f"holds {character!r}"
    if len(text.encode()) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} bytes"
    return None


@dataclass(frozen=True)
class JobSpec:
    """What the user calls a run; *project* and *group*, when None, are filled in at submission."""

    name: str
    project: Optional[str] = None
    group: Optional[str] = None

    def __post_init__(self) -> None:
        for field in ("name", "project", "group"):
            text = getattr(self, field)
            problem = None if text is None else valid_name(text)
            if problem is not None:
                raise ValueError(f"{field} {text!r} {problem}")


@dataclass(frozen=True)
class ExecutionSpec:
    """What a job is told about its run.

    A requeued run has the same directories and a higher *restart_count*.
    """

    id: str
    name: str
    project: str
    group: str
    hardware: HardwareResult
    topology: Topology
    distributed: bool
    work_dir: Path
    data_dir: Path
    checkpoint_dir: Path
    results_dir: Path
    restart_count: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that speaks for the run."""
        return self.topology.is_main

    @property
    def hosts(self) -> Sequence[ClusterMachine]:
        """The machines of the run, one for each node."""
        return self.hardware.hosts

    def result_path(self, *parts: str) -> Path:
        """A path inside the results directory, its parents made; ValueError if it lies outside."""
        root = self.results_dir.resolve()
        path = root.joinpath(*parts).resolve()
        if root not in path.parents:
            raise ValueError(
                f"{Path(*parts)} is not inside the results directory {self.results_dir}:"
                " give a relative path"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
