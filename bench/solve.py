"""Solving: CPU time and memory of the pure core on many hosts and large clusters.

The inventory of a cluster is read from the text that sinfo and scontrol would print; then a host is
chosen and the plan is made. Each size stands beside the one before: linear growth shows as the
ratio of the sizes. Each is a process of its own, so that its peak of memory is its own.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

from attrs import frozen

from bench.measure import Row, cpu_seconds, in_turns, timed, within
from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import (
    ClusterConfig,
    DispatchConfig,
    Host,
    Partition,
    PlainHost,
    SlurmHost,
)
from theseus.core.inventory.inventory import Gpu, Inventory, PlainSnapshot
from theseus.core.inventory.probes import Answer
from theseus.core.inventory.slurm_probes import slurm_snapshot
from theseus.core.plan.build import World, build_plan
from theseus.core.plan.payload import Job
from theseus.core.plan.placed import Assignment
from theseus.core.plan.plan import Run
from theseus.core.source.source import SourceSnapshot
from theseus.effects.perform.release import this_release

PARTITIONS = 20
PER_NODE = 8
SECONDS, MEGABYTES = 0.5, 200.0  # the most that the largest number of hosts may take
CHANCE = 1.5  # so much more than linear may be chance
ROOT = Path(__file__).resolve().parents[1]
H100 = SUPPORTED_CHIPS["h100"]


@frozen
class Cost:
    """What choosing and planning once takes, in *seconds* of CPU, and the *peak* in megabytes."""

    seconds: float
    peak: float


def rows(hosts: Sequence[int], nodes: Sequence[int]) -> Iterator[Row]:
    """The rows for so many plain *hosts*, and for clusters of so many *nodes*."""
    costs = [_cost("hosts", size) for size in hosts]
    yield from _growing("hosts", hosts, costs)
    most = f"the same {hosts[-1]} hosts"
    yield within(f"{most}, CPU", costs[-1].seconds, SECONDS, "s")
    yield within(f"{most}, memory of the process", costs[-1].peak, MEGABYTES, "MB")
    yield from _growing("nodes", nodes, [_cost("nodes", size) for size in nodes])


def _growing(kind: str, sizes: Sequence[int], costs: Sequence[Cost]) -> Iterator[Row]:
    alone = (sizes[0], costs[0]), (sizes[0], costs[0])
    for (smaller, then), (size, cost) in (alone, *pairwise(zip(sizes, costs, strict=True))):
        measured = f"{cost.seconds * 1000:.1f} ms of CPU, {cost.peak:.0f} MB"
        beside = f"{then.seconds * 1000:.1f} ms for {smaller}"
        limit = None if size == smaller else CHANCE * size / smaller
        yield Row(f"plan among {size} {kind}", measured, beside, cost.seconds / then.seconds, limit)


def _cost(kind: str, size: int) -> Cost:
    words = [sys.executable, "-m", "bench.solve", kind, str(size)]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return Cost(**json.loads(done.stdout))


def measured(kind: str, size: int) -> Mapping[str, float]:
    """What this very process takes for choosing among *size* hosts or nodes and planning."""
    (times,) = in_turns(3, timed(MAKERS[kind](size), clock=cpu_seconds))
    return {"seconds": min(times), "peak": _peak()}


def _peak() -> float:
    """The most megabytes that this process had; getrusage(2) counts those of its parent too."""
    (line,) = re.findall(
        r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE
    )
    return int(line) / 1000


def _hosts(size: int) -> Callable[[], object]:
    """Planning among plain hosts that were asked, of which the last one has its GPUs free."""
    names = [f"h{number}" for number in range(size)]
    config = _config({name: PlainHost("lab", ssh=name) for name in names})
    inventory = Inventory({name: _snapshot(name, busy=name != names[-1]) for name in names})
    request = HardwareRequest(chip=H100, min_chips=PER_NODE)
    return partial(build_plan, _world(config, inventory), request, _assignment())


def _snapshot(name: str, *, busy: bool) -> PlainSnapshot:
    gpus = (
        Gpu(f"GPU-{name}-{number}", "NVIDIA H100", "h100", H100.memory, busy)
        for number in range(PER_NODE)
    )
    return PlainSnapshot(tuple(gpus), cpus=64, memory_available=512 * 2**30)


def _nodes(size: int) -> Callable[[], object]:
    """Reading what a cluster of busy nodes says, and planning there."""
    partitions = tuple(Partition(f"p{at}") for at in range(PARTITIONS))
    config = _config({"hpc": SlurmHost("lab", partitions, ssh="hpc")})
    request = HardwareRequest(chip=H100, min_chips=2 * PER_NODE)
    answers = cluster_text(size)

    def read_and_plan() -> object:
        inventory = Inventory({"hpc": slurm_snapshot(answers)})
        return build_plan(_world(config, inventory), request, _assignment()).unwrap()

    return read_and_plan


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


def _config(hosts: Mapping[str, Host]) -> DispatchConfig:
    return DispatchConfig({"lab": ClusterConfig("/r", "/w")}, hosts)


def _world(config: DispatchConfig, inventory: Inventory) -> World:
    source = SourceSnapshot("0" * 40, None, dirty=False, subdirectory="", repository="bench")
    return World(config, inventory, source, this_release())


def _assignment() -> Assignment:
    run = Run("20260101-000000-abcdef", "demo", "bench", "default", "command")
    return Assignment(run, Job("command"), {"command": ["echo", "hello"]})


MAKERS: Mapping[str, Callable[[int], Callable[[], object]]] = {"hosts": _hosts, "nodes": _nodes}


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], int(sys.argv[2]))))
