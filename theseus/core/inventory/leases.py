"""Leases: how a plain host is asked which of its GPUs runs hold, and what its answer means.

Whoever is on the host may write there: a lock is a fact, what stands in a file is hearsay, and is
only shown. Looking takes no lock that could be in the way of a run that takes one: it is done
behind the gate, which is a lock on the directory itself.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import evolve

from theseus.base.lease import LEASE_SUFFIX, TICKET_PREFIX, lease_name
from theseus.core.inventory.inventory import Gpu, Lease, WaitingRun
from theseus.core.values import frozen

_LOOK: Final = f"""\
case $1 in '~/'*) set -- "$HOME/${{1#??}}" ;; esac
cd "$1" 2>/dev/null && command -v flock >/dev/null || exit 0
exec 9<. && flock -s -w 10 9 || exit 1
for file in *{LEASE_SUFFIX} {TICKET_PREFIX}*; do
  [ -f "$file" ] && [ ! -L "$file" ] || continue
  {{ flock -n -s 8; }} 8<"$file" 2>/dev/null
  [ $? -eq 1 ] || continue
  printf '%s ' "$file"
  head -c 65536 "$file" | tr -d '\\n\\r'
  echo
done"""
_MOST_SHOWN: Final = 64


@frozen
class Leases:
    """What is leased on a host, by the name of the GPU, and who waits, the next one first."""

    holders: Mapping[str, Lease]
    tickets: tuple[tuple[Lease, frozenset[str]], ...]

    def taken(self, gpu: Gpu) -> Gpu:
        """*gpu* with its lease, if it has one."""
        lease = self.holders.get(lease_name(gpu.uuid))
        return gpu if lease is None else evolve(gpu, busy=True, lease=lease)

    def waiting(self, gpus: tuple[Gpu, ...]) -> tuple[WaitingRun, ...]:
        """The runs that wait for some of *gpus*."""
        found = (
            WaitingRun(lease, tuple(gpu.uuid for gpu in gpus if lease_name(gpu.uuid) in names))
            for lease, names in self.tickets
        )
        return tuple(run for run in found if run.gpus)


def leases_command(directory: str) -> tuple[str, ...]:
    """What prints the name and content of each file that is locked in *directory*."""
    return ("bash", "-c", _LOOK, "leases", directory)


def parse_leases(output: str) -> Leases:
    """What `leases_command` printed."""
    said = [(name, _object(text)) for name, text in _lines(output)]
    held = {
        name.removesuffix(LEASE_SUFFIX): _lease(content)
        for name, content in said
        if name.endswith(LEASE_SUFFIX)
    }
    tickets = {
        int(number): (_lease(content), _names(content))
        for name, content in said
        if (number := name.removeprefix(TICKET_PREFIX)) != name and _is_number(number)
    }
    return Leases(held, tuple(tickets[number] for number in sorted(tickets)))


def _lines(output: str) -> Iterator[tuple[str, str]]:
    for line in output.splitlines():
        name, _, text = line.partition(" ")
        yield name, text


def _object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _lease(content: Mapping[str, Any]) -> Lease:
    return Lease(_shown(content.get("user"), "someone"), _shown(content.get("run"), "unknown"))


def _shown(value: object, otherwise: str) -> str:
    """A text that somebody else wrote, as it may be shown."""
    text = value[:_MOST_SHOWN] if isinstance(value, str) else ""
    return "".join(letter for letter in text if letter.isprintable()) or otherwise


def _names(content: Mapping[str, Any]) -> frozenset[str]:
    gpus = content.get("gpus")
    names = gpus if isinstance(gpus, list) else []
    return frozenset(name for name in names if isinstance(name, str))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 15
