"""CPU time of the pure core on large clusters: `python bench/solve.py`.

For each size, the inventory is read from the text that sinfo and scontrol would print, then a plan
is made. Times are CPU seconds of this process, the best of five, and the ratio to the size before:
linear growth shows as the ratio of the sizes.
"""

import time
from collections.abc import Callable

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


def cpu_seconds(work: Callable[[], object]) -> float:
    """The least CPU time of five runs of *work*."""
    times = []
    for _ in range(5):
        before = time.process_time()
        work()
        times.append(time.process_time() - before)
    return min(times)


def main() -> None:
    """Print one line for each size."""
    request = HardwareRequest(chip=SUPPORTED_CHIPS["h100"], min_chips=16)
    print("SLURM nodes in 20 partitions   parse s   solve s   together / before")
    before = 0.0
    for nodes in (500, 1000, 2000, 4000, 8000, 50000):
        answers = cluster_text(nodes)
        snapshot = slurm_snapshot(answers)
        config, inventory = slurm_config(), Inventory({"hpc": snapshot})
        parse = cpu_seconds(lambda answers=answers: slurm_snapshot(answers))
        search = cpu_seconds(lambda c=config, i=inventory: solve(c, request, i))
        ratio = f"{(parse + search) / before:.2f}" if before else "-"
        print(f"{nodes:>20}        {parse:>10.3f}{search:>10.3f}   {ratio}")
        before = parse + search
    print("plain hosts, none asked          solve s")
    one = HardwareRequest(chip=SUPPORTED_CHIPS["h100"], min_chips=PER_NODE)
    for hosts in (10, 100, 1000, 10000):
        config = plain_config(hosts)
        seconds = cpu_seconds(lambda c=config: solve(c, one, Inventory()))
        print(f"{hosts:>20}           {seconds:>10.4f}")


if __name__ == "__main__":
    main()
