"""Doctor's examinations of a SLURM login node: the scheduler, and the config against the site.

With a deep examination, a job of seconds looks at the share from a compute node.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import Cluster
from theseus.core.config.config import Partition, SlurmHost
from theseus.core.config.decode import nearest
from theseus.core.doctor.doctor import (
    Answers,
    Check,
    Examination,
    Judge,
    declared_chips,
    failed,
    passed,
    warned,
)
from theseus.core.doctor.doctor_machine import PLACE
from theseus.core.inventory.gres import UNTYPED
from theseus.core.inventory.inventory import SlurmPartition, SlurmSnapshot, Unreachable
from theseus.core.plan.inquiry import inquiry_of
from theseus.core.text.quantity import count

OLDEST: Final = (20, 11)
DEEP_WAIT: Final = 60  # seconds that a compute node may take to be had
_SMALL: Final = ("--quiet", "--nodes=1", "--ntasks=1", "--time=2", "--job-name=theseus-doctor")
_ALL_PARTITIONS: Final = ("slurm", "sinfo", "-a", "-h", "-o", "%R")
_ACCOUNTING: Final = "scontrol show config | sed -n 's/^AccountingStorageType *= *//p'"
_ASSOCIATIONS: Final = (
    'sacctmgr -n -P show assoc user="$(id -un)" format=account,qos 2>/dev/null || :'
)
# a file that only the login node has written, looked at from a compute node
_DEEP: Final = (
    f'{PLACE}shift; file=$(mktemp "$place/.theseus-doctor.XXXXXXXX") || exit; '
    '"$@" sh -c \'uname -n; test -r "$1" && touch -- "$1"\' sh "$file"; '
    'status=$?; rm -f -- "$file"; exit $status'
)


def slurm_examinations(
    host: SlurmHost, mapping: Mapping[str, str], cluster: Cluster, *, deep: bool
) -> tuple[Examination, ...]:
    """What a login node is examined for besides; *mapping* is chip to GRES label."""
    inquiry = inquiry_of(host)

    def site(answers: Answers) -> Iterator[Check]:
        *about, named = answers
        snapshot = inquiry.read(tuple(about))
        if isinstance(snapshot, SlurmSnapshot):
            yield _version(snapshot)
            yield from _partitions(host, snapshot, named.output.split())
            yield from _gres(host, mapping, snapshot)
        else:
            reason = snapshot.reason if isinstance(snapshot, Unreachable) else "it cannot be read"
            yield failed("slurm", reason, "is this a login node, and is SLURM up?")

    return (
        Examination((*inquiry.commands, _ALL_PARTITIONS), site),
        Examination(
            (("slurm", "sh", "-c", _ACCOUNTING), ("slurm", "sh", "-c", _ASSOCIATIONS)),
            _accounting(host),
        ),
        *([_deep(host, cluster)] if deep else []),
    )


def _version(snapshot: SlurmSnapshot) -> Check:
    found = re.match(r"(\d+)\.(\d+)", snapshot.version)
    if found and (int(found[1]), int(found[2])) < OLDEST:
        advice = "theseus is tried with 20.11 and later: read a plan with --check first"
        return warned("slurm", snapshot.version, advice)
    return passed("slurm", snapshot.version or "of a version it does not tell")


def _partitions(host: SlurmHost, snapshot: SlurmSnapshot, names: Sequence[str]) -> Iterator[Check]:
    known = {partition.name: partition for partition in snapshot.partitions}
    for partition in _named(host):
        name = f"partition {partition.name}"
        if partition.name not in known:
            near = nearest(partition.name, names)
            yield failed(name, "SLURM has none of this name", f"see `sinfo -s` there{near}")
        elif not (limits := known[partition.name]).up:
            yield warned(name, "closed at present", "runs wait there until it opens")
        else:
            yield _usable(name, host, limits)


def _usable(name: str, host: SlurmHost, limits: SlurmPartition) -> Check:
    if limits.groups_lacking:
        found = f"it is for the group {' or '.join(limits.groups_lacking)}"
        return failed(name, found, "ask to be let in, or name another partition")
    for kind, own, allowed, denied in (
        ("account", host.account, limits.accounts, limits.denied_accounts),
        ("qos", host.qos, limits.qos, limits.denied_qos),
    ):
        if own is not None and (own in denied or (allowed is not None and own not in allowed)):
            advice = f"allowed are {', '.join(allowed)}" if allowed else f"set another {kind}"
            return failed(name, f"it does not admit the {kind} {own}", advice)
    return passed(name, f"up, {count(len(limits.nodes), 'node')}")


def _gres(host: SlurmHost, mapping: Mapping[str, str], snapshot: SlurmSnapshot) -> Iterator[Check]:
    there = {gpus.type for node in snapshot.nodes for gpus in node.gpus}
    types = sorted(there - {UNTYPED})
    shown = f"the nodes have {', '.join(types)}" if types else "the nodes name no types"
    labels = {chip: label.removeprefix("gpu:") for chip, label in mapping.items()}
    untyped = {partition.chip for partition in _named(host)} if UNTYPED in there else frozenset()
    for chip in dict.fromkeys((*host.gres_mapping, *declared_chips(host))):
        label = labels.get(chip, chip)
        if chip == "cpu":
            continue
        if label in there or chip in untyped:
            yield passed(f"GRES {chip}", f"gpu:{label}" if label in there else "gpu, untyped")
        else:
            advice = f"correct gres_mapping: {shown}"
            yield failed(f"GRES {chip}", f"no node has gpu:{label}", advice)
    unnamed = [kind for kind in types if kind not in {*labels.values(), *SUPPORTED_CHIPS}]
    if unnamed:
        advice = "only runs of any chip find them: name them in gres_mapping"
        yield warned("GRES", f"no chip is mapped to {', '.join(unnamed)}", advice)


def _accounting(host: SlurmHost) -> Judge:
    def judge(answers: Answers) -> Iterator[Check]:
        storage, associations = (answer.output.strip() for answer in answers)
        if storage.removeprefix("accounting_storage/") in {"none", "(null)"}:
            advice = "a job that SLURM has forgotten is judged by its outcome file alone"
            yield warned("accounting", "off", advice)
        elif storage:
            yield passed("accounting", storage)
        accounts = {line.partition("|")[0] for line in associations.splitlines()}
        if host.account is not None and accounts and host.account not in accounts:
            advice = f"yours are {', '.join(sorted(accounts))}"
            yield failed("account", f"you have no account {host.account}", advice)

    return judge


def _deep(host: SlurmHost, cluster: Cluster) -> Examination:
    partition = _named(host)[0].name
    options = [f"--partition={partition}", f"--immediate={DEEP_WAIT}", *_SMALL]
    options += [f"--account={host.account}"] if host.account else []
    options += [f"--qos={host.qos}"] if host.qos else []
    command = ("slurm", "sh", "-c", _DEEP, "sh", cluster.share, "srun", *options, *host.sbatch)

    def judge(answers: Answers) -> Iterator[Check]:
        (answer,) = answers
        node = answer.output.strip().partition("\n")[0]
        lines = answer.errors.strip().splitlines() or [f"status {answer.status}"]
        if answer.status == 0:
            yield passed("compute node", f"{node} reads and writes {cluster.share}")
        elif node:
            advice = "have `share` on storage that compute nodes mount"
            yield failed("compute node", f"{node} does not see {cluster.share}: {lines[0]}", advice)
        else:
            advice = f"no node of {partition} was to be had now: try again later"
            yield warned("compute node", lines[-1], advice)

    return Examination((command,), judge)


def _named(host: SlurmHost) -> tuple[Partition, ...]:
    named = {partition.name: partition for partition in (*host.partitions, *host.cpu_partitions)}
    return tuple(named.values())
