"""What the nodes of a run tell one another.

Here: how the part of each node in one start of the run ended, as files on the storage they share,
waiting for those files, and what they make of the whole. Never here: the end of a node's own job.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, Mapping, Optional

from theseus.runtime.child import STOPPING, Rhythm, Told
from theseus.runtime.outcome import Outcome, read_outcome, write_outcome
from theseus.runtime.processes import Processes

LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class Nodes:
    """The nodes of one start of a run, seen from one of them.

    Each has a file in *directory*, named by its index, once its part has ended.
    """

    directory: Path
    own: Processes

    @classmethod
    def of(cls, run_dir: Path, own: Processes, environment: Mapping[str, str]) -> Nodes:
        """Those of the start that *environment* tells of."""
        start = environment.get("THESEUS_RESTART_COUNT", "0")
        return cls(run_dir / f"start-{start}", own)

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.own.count > 1

    def note(self, outcome: Outcome) -> None:
        """Tell the others how the part of this node ended."""
        self.directory.mkdir(exist_ok=True)
        write_outcome(self._file(self.own.index), outcome)

    def over(self) -> bool:
        """Whether the part of every other node has ended, or that of one has failed."""
        ended = self._ended().values()
        return len(ended) == self.own.count - 1 or any(each.state == "failed" for each in ended)

    def whole(self, outcome: Outcome) -> Outcome:
        """The outcome of the run, whose part on this node ended with *outcome*.

        The first node that failed has failed it; else one that was preempted has preempted it.
        """
        parts = {**self._ended(), self.own.index: outcome}
        failed = [index for index, part in parts.items() if part.state == "failed"]
        cut = [index for index, part in parts.items() if part.state == "preempted"]
        if not failed and (not cut or outcome.state == "preempted"):
            return outcome
        first = min(failed or cut, key=self._ended_at)
        return self._attributed(parts[first], first)

    def _attributed(self, part: Outcome, index: int) -> Outcome:
        if index == self.own.index:
            return part
        return replace(part, message=f"on node {self.own.hosts[index]}: {part.message}")

    def _ended_at(self, index: int) -> float:
        # By the clock of the storage, which is one for all nodes.
        try:
            return self._file(index).stat().st_mtime
        except OSError:
            return math.inf

    def _ended(self) -> Dict[int, Outcome]:
        try:
            # Listing a directory has NFS ask its server; looking for a name may not.
            there = {path.name for path in self.directory.iterdir()}
        except OSError:
            return {}
        others = (index for index in range(self.own.count) if index != self.own.index)
        read = {index: _read(self._file(index)) for index in others if f"{index}.json" in there}
        return {index: part for index, part in read.items() if part is not None}

    def _file(self, index: int) -> Path:
        return self.directory / f"{index}.json"


def _read(path: Path) -> Optional[Outcome]:
    try:
        return read_outcome(path)
    except (OSError, ValueError):  # where there are no links it is not written at one stroke
        return None


def await_others(nodes: Nodes, told: Optional[Told], rhythm: Rhythm) -> Optional[Told]:
    """Wait until the parts of the other *nodes* are over; what told this run to stop by then.

    Once it was told, the others have the grace of *rhythm* to end.
    """
    beat_at = time.monotonic() + rhythm.beat_seconds
    until = math.inf if told is None else time.monotonic() + rhythm.grace(told.at)
    while not nodes.over() and time.monotonic() < until:
        received = rhythm.inbox.receive(LOOK_SECONDS)
        if told is None and received is not None and received.number in STOPPING:
            told = Told(received.number, time.time())
            until = time.monotonic() + rhythm.grace(told.at)
        if time.monotonic() >= beat_at:
            rhythm.beat()
            beat_at += rhythm.beat_seconds
    return told
