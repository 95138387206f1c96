"""`python -m theseus.runtime.lease files|take RUN_DIRECTORY [DESCRIPTOR…]`: GPUs for one run alone.

bootstrap.sh asks for `files`, opens them, and has the locks taken on its own descriptors by `take`:
all that are needed at once, or none. They last as long as the run and what it has started. Here:
one try, the wait for a turn, and what bootstrap is told. Never here: which GPUs may be had, or how
a file in a directory of everybody's is opened.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence

from theseus.base.detect import run_tool
from theseus.base.lease import lease_name
from theseus.runtime.documents import now, read_document, replace_document, write_text_once
from theseus.runtime.leasable import Leasable, in_use, leasable
from theseus.runtime.lease_directory import (
    LeaseDirectory,
    LeaseError,
    holder_in,
    is_file_at,
    locked,
    sign,
    unlock,
    user_name,
)
from theseus.runtime.tickets import OwnTicket, before, take_ticket, waiting
from theseus.runtime.waiting import Waiting

LEASE_FILE = "lease.json"  # what the plan says
WANTED_FILE = "leasable.json"  # what that comes to on this host
VERDICT_FILE = "lease"  # what the launch is told
ASK_SECONDS = 10.0  # between two questions to a driver that said that a GPU is in use
SAY_SECONDS = 60.0  # between two lines of the log about what is waited for
HANDED_BACK = 75
_LAST = 10**16  # after every ticket


@dataclass
class Claim:
    """What one run wants of a host, and the open files that stand for it.

    One that is *patient* may wait, and takes no GPU that is in use; another takes those last:
    planning has looked, and `--force` was heard. *hindrances* say why the last try failed, by GPU,
    and how many runs wait before this one.
    """

    directory: LeaseDirectory
    wanted: Leasable
    open_files: Mapping[str, int]
    said: Mapping[str, Any]
    patient: bool = False
    hindrances: Dict[str, str] = field(default_factory=dict)
    ahead: int = 0

    def take(self, used: FrozenSet[str], number: int = _LAST) -> Optional[List[str]]:
        """Lock as many GPUs as are wanted, *used* ones last; None when there are too few.

        Runs that wait with a ticket before *number* come first.
        """
        with self.directory.gate():
            names = frozenset(self.wanted.names)
            self.ahead = len(before(waiting(self.directory), number, names))
            self.hindrances = {}
            order = sorted(self.wanted.gpus, key=lambda gpu: gpu in used)
            taken = [gpu for gpu in order if self._locks(gpu, used)]
            kept = [] if self.ahead else taken[: self.wanted.chips]
            if len(kept) < self.wanted.chips:
                kept = []
            for gpu in taken:
                if gpu not in kept:
                    unlock(self.open_files[gpu])
            for gpu in kept:
                sign(self.directory.path_of(lease_name(gpu)), self.said)
        return kept or None

    def release(self, gpus: Sequence[str]) -> None:
        """Let go of *gpus*."""
        for gpu in gpus:
            unlock(self.open_files[gpu])

    def ticket(self) -> OwnTicket:
        """The place after all that wait."""
        with self.directory.gate():
            return take_ticket(self.directory, {**self.said, "gpus": list(self.wanted.names)})

    @property
    def hindrance(self) -> str:
        """Why the last try failed, in words."""
        free = len(self.wanted.gpus) - len(self.hindrances)
        needs = f"needs {self.wanted.chips} of {len(self.wanted.gpus)} GPUs, {free} free"
        gpus = [f"{gpu} {why}" for gpu, why in self.hindrances.items()]
        queue = [f"{_runs(self.ahead)} before this one"] if self.ahead else []
        return "; ".join([needs, *gpus, *queue])

    def _locks(self, gpu: str, used: FrozenSet[str]) -> bool:
        path, descriptor = self.directory.path_of(lease_name(gpu)), self.open_files.get(gpu)
        why: Optional[str] = None
        if descriptor is None or not is_file_at(descriptor, path):
            why = f"has a lease file that cannot be trusted ({path})"
        elif not locked(descriptor):
            why = f"is leased by {holder_in(path)}"
        elif self.patient and gpu in used:
            unlock(descriptor)
            why = "is in use, without a lease"
        if why is not None:
            self.hindrances[gpu] = why
        return why is None


def wait(
    claim: Claim,
    number: int,
    used: Callable[[], FrozenSet[str]],
    idle: Callable[[], None],
) -> List[str]:
    """The GPUs of *claim*, once all with a ticket before *number* have theirs."""
    ask_at, say_at, said = 0.0, 0.0, ""
    while True:
        free = claim.take(frozenset(), number)
        if free is not None:
            claim.release(free)  # the driver is asked first, and not behind the gate
        if free is None or time.monotonic() >= ask_at:
            taken = None if free is None else claim.take(used(), number)
            if taken is not None:
                return taken
            if free is not None:
                ask_at = time.monotonic() + ASK_SECONDS
            if claim.hindrance != said and time.monotonic() >= say_at:
                said, say_at = claim.hindrance, time.monotonic() + SAY_SECONDS
                _say(f"waiting for GPUs: {said}")
        idle()


def files(run_dir: Path) -> int:
    """Print the files that may be locked for the run."""
    lease = read_document(run_dir / LEASE_FILE)
    wanted = leasable(lease, run_tool)
    replace_document(run_dir / WANTED_FILE, wanted.to_dict())
    directory = _directory(lease)
    with directory.gate():
        for gpu in wanted.gpus:
            print(directory.made(lease_name(gpu)))
    return 0


def take(run_dir: Path, descriptors: Sequence[int]) -> int:
    """Print which *descriptors* are locked for the run now, and the variable that says so."""
    lease = read_document(run_dir / LEASE_FILE)
    wanted = Leasable.of(read_document(run_dir / WANTED_FILE))
    directory = _directory(lease)
    claim = Claim(
        directory,
        wanted,
        _matched(directory, wanted, descriptors),
        {"user": user_name(), "run": lease["run"], "since": now()},
        patient=lease["queue"],
    )
    used = in_use(run_tool)
    taken = claim.take(used)
    if taken is None and (not lease["queue"] or len(wanted.gpus) < wanted.chips):
        return _refuse(run_dir, f"{claim.hindrance}; plan again, or wait for a turn with --queue")
    if taken is None:
        taken = _in_turn(run_dir, claim)
    write_text_once(run_dir / VERDICT_FILE, " ".join(["leased", *taken]))
    _say(f"leased {', '.join(taken)}")
    for gpu in used.intersection(taken):
        _say(f"{gpu} is in use by another program")
    print(*(claim.open_files[gpu] for gpu in taken))
    print(f"{wanted.variable}={','.join(taken)}")
    return 0


def _in_turn(run_dir: Path, claim: Claim) -> List[str]:
    parent, waiting = os.getppid(), Waiting(run_dir, os.environ)

    def idle() -> None:
        if os.getppid() != parent:  # bootstrap.sh was killed, and with it the run
            sys.exit(1)
        waiting.sleep()

    ticket = claim.ticket()
    write_text_once(run_dir / VERDICT_FILE, "queued")
    try:
        return wait(claim, ticket.number, lambda: in_use(run_tool), idle)
    finally:
        ticket.give_up()


def _refuse(run_dir: Path, reason: str) -> int:
    """Tell whoever waits for the launch that it failed; if nobody does, the run has failed."""
    print(reason)
    launching = (run_dir / "launched").exists()
    handed_back = launching and write_text_once(run_dir / VERDICT_FILE, f"refused {reason}")
    return HANDED_BACK if handed_back else 1


def _directory(lease: Mapping[str, Any]) -> LeaseDirectory:
    return LeaseDirectory(Path(lease["directory"]).expanduser())


def _matched(
    directory: LeaseDirectory, wanted: Leasable, descriptors: Sequence[int]
) -> Dict[str, int]:
    paths = {gpu: directory.path_of(lease_name(gpu)) for gpu in wanted.gpus}
    return {
        gpu: descriptor
        for gpu, path in paths.items()
        for descriptor in descriptors
        if is_file_at(descriptor, path)
    }


def _runs(number: int) -> str:
    return "1 run waits" if number == 1 else f"{number} runs wait"


def _say(text: str) -> None:
    print(f"theseus: {text}", file=sys.stderr, flush=True)


def main(words: Sequence[str]) -> int:
    """`files RUN_DIRECTORY` or `take RUN_DIRECTORY DESCRIPTOR…`."""
    action, run_dir, *descriptors = words
    try:
        if action == "files":
            return files(Path(run_dir))
        return take(Path(run_dir), [int(each) for each in descriptors])
    except (OSError, ValueError, KeyError, LeaseError) as error:
        print(error if isinstance(error, LeaseError) else f"GPUs cannot be leased: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
