"""Probes of a SLURM cluster: sinfo, scontrol and squeue by explicit separators, per node.

Robust to versions: a state nobody knows is "unknown", a line that cannot be read is left out, and
neither ever counts as free.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve
from returns.pipeline import is_successful

from theseus.core.inventory.gres import node_gpus
from theseus.core.inventory.inventory import (
    HostSnapshot,
    Node,
    NodeState,
    SlurmPartition,
    SlurmSnapshot,
    Unreachable,
)
from theseus.core.inventory.probes import Answer
from theseus.core.text.quantity import duration

# `:|` after a field: as wide as it is, ended by a bar. Plain GresUsed is cut at 20 characters.
_FIELDS = (
    *("NodeList", "Partition", "Gres", "GresUsed", "StateLong"),
    *("CPUsState", "Memory", "AllocMem", "Features"),
)
_FORMAT = ",".join(f"{field}:|" for field in _FIELDS)
# hidden partitions too, which a config may name, and then whether the user may use them. Options
# first: getopt(3) reads none after a word where POSIXLY_CORRECT is set.
_PARTITIONS = 'scontrol -a -o show partition || exit; echo "groups $(id -Gn)"'
_MIB = 2**20
_PAIR = re.compile(r"(\w+)=(\S*)")
_GROUPS = re.compile(r"\bAllowGroups=(.*?)(?= \w+=|$)")  # a directory's have spaces in their names
_DIGITS = 12  # of any number here: what has more is none
# sinfo(1), "NODE STATE CODES": the marks that may follow a state
_MARKS = "*~#!%$@^+-"
_OFF_MARKS = frozenset("*$@^")  # not responding, maintenance, reboot
_LATER_MARKS = frozenset("~#!%-")  # asleep, waking, falling asleep, planned for another job
_STATES: Mapping[str, NodeState] = {
    "idle": "available",
    "mixed": "available",
    "allocated": "busy",
    "completing": "busy",
    "planned": "busy",
    "powering_up": "busy",
    "powered_down": "busy",
    "powering_down": "busy",
    "blocked": "busy",
    "down": "offline",
    "drained": "offline",
    "draining": "offline",
    "drain": "offline",
    "fail": "offline",
    "failing": "offline",
    "maint": "offline",
    "reserved": "reserved",
    "reboot": "offline",
    "reboot_issued": "offline",
    "reboot_requested": "offline",
    "perfctrs": "offline",
    "inval": "offline",
    "future": "offline",
}


def slurm_probes(partitions: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The commands that ask a cluster about *partitions*, in the order `slurm_snapshot` reads."""
    names = ",".join(partitions)
    return (
        ("slurm", "sinfo", "-h", "-N", "-p", names, "-O", _FORMAT),
        ("slurm", "sh", "-c", _PARTITIONS),
        ("slurm", "squeue", "-h", "-t", "PD", "-p", names, "-o", "%P"),
        ("slurm", "sinfo", "-V"),
    )


def slurm_snapshot(answers: tuple[Answer, ...]) -> HostSnapshot:
    """The snapshot that the *answers* to `slurm_probes` make."""
    nodes_said, partitions_said, pending_said, version_said = answers
    for program, answer in (("sinfo", nodes_said), ("scontrol", partitions_said)):
        if answer.status == 127:
            return Unreachable(f"it has no {program}: is this a login node?")
        if answer.status:
            said = answer.errors.strip() or answer.output.strip() or f"status {answer.status}"
            first = said.splitlines()[0].removeprefix(f"{program}: ")
            return Unreachable(f"{program}: {first}")
    rows = tuple(_rows(nodes_said.output))
    nodes = {row[0]: node for row in rows if (node := _node(row)) is not None}
    return SlurmSnapshot(
        nodes=tuple(nodes.values()),
        partitions=tuple(_partitions(partitions_said.output, rows, pending_said.output)),
        version=version_said.output.strip().rpartition(" ")[2],  # `slurm-wlm 22.05.8`
    )


def node_state(text: str) -> NodeState:
    """What a state of sinfo, with its marks, means for a job.

    >>> node_state("mixed"), node_state("idle*"), node_state("idle~"), node_state("quantum")
    ('available', 'offline', 'busy', 'unknown')
    """
    word = text.strip().lower()
    name = word.rstrip(_MARKS)
    marks = frozenset(word[len(name) :])
    base = _STATES.get(name, "unknown")
    if base != "unknown" and marks & _OFF_MARKS:
        return "offline"
    return "busy" if base == "available" and marks & _LATER_MARKS else base


def _rows(text: str) -> Iterator[tuple[str, ...]]:
    for line in text.splitlines():
        columns = tuple(column.strip() for column in line.split("|"))
        # the last bar leaves an empty column behind
        if len(columns) == len(_FIELDS) + 1 and columns[0]:
            yield columns[:-1]


def _node(row: tuple[str, ...]) -> Node | None:
    name, _, gres, used, state, cpus, memory, allocated, features = row
    counts = [count for part in cpus.split("/") if (count := _number(part)) is not None]
    size, taken = _number(memory), _number(allocated)
    if cpus.count("/") != 3 or len(counts) != 4 or size is None:
        return None
    return Node(
        name=name,
        state=node_state(state),
        gpus=node_gpus(gres, used),
        cpus=counts[3],
        cpus_free=min(counts[1], counts[3]),
        memory=size * _MIB,
        memory_free=0 if taken is None else max(0, size - taken) * _MIB,
        features=() if features in {"(null)", ""} else tuple(re.split("[,&]", features)),
    )


def _partitions(
    text: str, rows: tuple[tuple[str, ...], ...], pending: str
) -> Iterator[SlurmPartition]:
    members: dict[str, list[str]] = {}
    for row in rows:
        members.setdefault(row[1].rstrip("*"), []).append(row[0])
    waiting = Counter(name for line in pending.splitlines() for name in line.split(","))
    own = _own_groups(text)
    for line in text.splitlines():
        found = dict(_PAIR.findall(line))
        if (name := found.get("PartitionName")) in members:
            nodes = tuple(dict.fromkeys(members[name]))
            partition = evolve(_partition(found), nodes=nodes, pending=waiting[name])
            yield evolve(partition, groups_lacking=_lacking(line, own))


def _own_groups(text: str) -> str:
    """The groups of the user, with a space on both sides of each; "" where they are not known."""
    lines = [line.split()[1:] for line in text.splitlines() if line.startswith("groups ")]
    names = " ".join(name for names in lines for name in names)
    return f" {names.casefold()} " if names else ""


def _lacking(partition: str, own: str) -> tuple[str, ...]:
    """The groups that *partition* is for, if those of the user, *own*, are known and others."""
    found = _GROUPS.search(partition)
    allowed = () if found is None else _names(found[1]) or ()
    if not own or any(f" {name.casefold()} " in own for name in allowed):
        return ()
    return allowed


def _partition(found: Mapping[str, str]) -> SlurmPartition:
    return SlurmPartition(
        name=found["PartitionName"],
        up=found.get("State", "UP") == "UP" and found.get("RootOnly", "NO") == "NO",
        nodes=(),
        max_time=_minutes(found.get("MaxTime", "")),
        default_time=_minutes(found.get("DefaultTime", "")),
        min_nodes=_number(found.get("MinNodes", "")) or 0,
        max_nodes=_number(found.get("MaxNodes", "")),
        cpus_per_node=_number(found.get("MaxCPUsPerNode", "")),
        memory_per_node=_bytes(found.get("MaxMemPerNode", "")),
        preempt=found.get("PreemptMode", "OFF"),
        accounts=_names(found.get("AllowAccounts", "ALL")),
        denied_accounts=_names(found.get("DenyAccounts", "ALL")) or (),
        qos=_names(found.get("AllowQos", "ALL")),
        denied_qos=_names(found.get("DenyQos", "ALL")) or (),
    )


def _minutes(text: str) -> int | None:
    parsed = duration(text)
    return parsed.unwrap() if is_successful(parsed) else None


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


def _bytes(mebibytes: str) -> int | None:
    number = _number(mebibytes)
    return None if number is None else number * _MIB


def _names(text: str) -> tuple[str, ...] | None:
    return None if text in {"ALL", "", "(null)", "N/A"} else tuple(text.split(","))
