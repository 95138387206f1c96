"""Solving: CPU time and memory of the pure core on many hosts and large clusters.

The inventory of a cluster is read from the text that sinfo and scontrol would print, then a plan is
made. Each size stands beside the one before: linear growth shows as the ratio of the sizes.
"""

import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from bench.measure import Row, cpu_seconds, in_turns
from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import HardwareRequest
from theseus.core.config import ClusterConfig, DispatchConfig, Partition, PlainHost, SlurmHost
from theseus.core.inventory import Inventory
from theseus.core.probes import Answer
from theseus.core.slurm_probes import slurm_snapshot
from theseus.core.solve import solve

PARTITIONS = 20
PER_NODE = 8


def cluster_text(nodes: int) -> tuple[Answer, ...]:
    """The answers of a cluster with *nodes* busy nodes, spread over all partitions."""
    rows = "".join(
        f"n{number}|p{number % PARTITIONS}|gpu:h100:8(S:0-1)|gpu:h100:{number % 7 + 2}(IDX:0-7)|"
        "mixed|60/4/0/64|512000|480000|h100,ib|\n"
        for number in range(nodes)
    )
    limits = "".join(
        f"PartitionName=p{at} AllowAccounts=ALL AllowQos=ALL DefaultTime=01:00:00 "
        "MaxNodes=UNLIMITED MaxTime=2-00:00:00 PreemptMode=OFF State=UP\n"
        for at in range(PARTITIONS)
    )
    return Answer(0, rows), Answer(0, limits), Answer(0, "p1\n" * nodes), Answer(0, "slurm 23.02.1")


def slurm_config() -> DispatchConfig:
    """One SLURM host with all partitions."""
    partitions = tuple(Partition(f"p{at}") for at in range(PARTITIONS))
    host = SlurmHost("hpc", partitions, ssh="hpc")
    return DispatchConfig({"hpc": ClusterConfig("/r", "/w")}, {"hpc": host})


def plain_config(hosts: int) -> DispatchConfig:
    """*hosts* plain hosts, of which the last one fits."""
    last = hosts - 1
    made = {
        f"h{at}": PlainHost("lab", ssh=f"h{at}", chips={"h100": PER_NODE if at == last else 1})
        for at in range(hosts)
    }
    return DispatchConfig({"lab": ClusterConfig("/r", "/w")}, made)


def rows(hosts: Sequence[int], nodes: Sequence[int]) -> Iterator[Row]:
    """The rows for plain hosts that are not asked, and for clusters of so many *nodes*."""
    yield from _growing("plain hosts", hosts, _plain)
    yield from _growing("SLURM nodes", nodes, _cluster)


def _growing(
    what: str, sizes: Sequence[int], make: Callable[[int], Callable[[], object]]
) -> Iterator[Row]:
    before: tuple[int, float] | None = None
    for size in sizes:
        work = make(size)
        (taken,) = in_turns(3, work, clock=cpu_seconds)
        tracemalloc.start()
        work()
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        measured = f"{taken * 1000:.1f} ms of CPU, {peak:.0f} MB"
        smaller, then = before or (size, taken)
        beside = f"{then * 1000:.1f} ms for {smaller}"
        limit = None if before is None else 1.5 * size / smaller  # half as much for chance
        yield Row(f"choose among {size} {what}", measured, beside, taken / then, limit)
        before = size, taken


def _plain(hosts: int) -> Callable[[], object]:
    request = HardwareRequest(chip=SUPPORTED_CHIPS["h100"], min_chips=PER_NODE)
    return partial(solve, plain_config(hosts), request, Inventory())


def _cluster(nodes: int) -> Callable[[], object]:
    request = HardwareRequest(chip=SUPPORTED_CHIPS["h100"], min_chips=16)
    answers = cluster_text(nodes)

    def read_and_choose() -> object:
        return solve(slurm_config(), request, Inventory({"hpc": slurm_snapshot(answers)}))

    return read_and_choose
