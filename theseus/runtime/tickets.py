"""Who waits for the GPUs of a host, in the order in which they came.

A ticket is a file in the lease directory that its owner has locked. The numbers are in order; a
ticket that nobody has locked is that of a run which was killed, and counts for nothing. All of this
happens behind the gate of the directory.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, FrozenSet, Iterator, List, Mapping, Tuple

from theseus.base.lease import TICKET_PREFIX
from theseus.runtime.lease_directory import (
    LeaseDirectory,
    is_file_at,
    locked,
    said_in,
    sign,
)

_NAME = re.compile(f"{TICKET_PREFIX}([0-9]{{1,15}})")


@dataclass(frozen=True)
class Ticket:
    """The ticket with *number*, whose owner waits for some of *gpus*."""

    number: int
    path: Path
    gpus: FrozenSet[str]


@dataclass(frozen=True)
class OwnTicket:
    """A ticket of this process, which holds it by *descriptor*."""

    number: int
    path: Path
    descriptor: int

    def give_up(self) -> None:
        """Let the next one have the turn."""
        with suppress(OSError):
            self.path.unlink()
        os.close(self.descriptor)


def take_ticket(directory: LeaseDirectory, said: Mapping[str, Any]) -> OwnTicket:
    """A ticket after all that are waiting, which says *said*."""
    number = max((ticket.number for ticket in waiting(directory)), default=0)
    while True:
        number += 1
        path = directory.path / f"{TICKET_PREFIX}{number}"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:  # of one that was killed, and is another user's
            continue
        os.fchmod(descriptor, 0o644)
        locked(descriptor)
        sign(path, said)
        return OwnTicket(number, path, descriptor)


def waiting(directory: LeaseDirectory) -> Tuple[Ticket, ...]:
    """The tickets of all who wait, the next one first."""
    return tuple(sorted(_held(directory.path), key=lambda ticket: ticket.number))


def before(tickets: Tuple[Ticket, ...], number: int, gpus: FrozenSet[str]) -> List[Ticket]:
    """Those of *tickets* before *number* that are for some of *gpus*."""
    return [ticket for ticket in tickets if ticket.number < number and ticket.gpus & gpus]


def _held(path: Path) -> Iterator[Ticket]:
    for entry in path.iterdir():
        named = _NAME.fullmatch(entry.name)
        if named is not None and _is_held(entry):
            gpus = said_in(entry).get("gpus")
            names = gpus if isinstance(gpus, list) else []
            yield Ticket(
                int(named.group(1)),
                entry,
                frozenset(name for name in names if isinstance(name, str)),
            )


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not is_file_at(descriptor, path):
            return False
        if not locked(descriptor):
            return True
        with suppress(OSError):  # only its owner may
            path.unlink()
        return False
    finally:
        os.close(descriptor)
