"""Record what SLURM says in many states: `python -m tests.e2e.slurm.record FOLDER`.

The folder is that of the core's samples; what this machine is called is not in them.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.e2e.slurm.cluster import SlurmCluster, running_cluster
from tests.e2e.slurm.site import CONTROLLER

FORM = (
    "NodeList:|,Partition:|,Gres:|,GresUsed:|,StateLong:|,CPUsState:|,Memory:|,AllocMem:|,"
    "Features:|"
)
PROBES = {
    "nodes": ["sinfo", "-h", "-N", "-O", FORM],
    "partitions": ["scontrol", "-a", "-o", "show", "partition"],
    "pending": ["squeue", "-h", "-t", "PD", "-o", "%P|%b|%D"],
}
ONCE = {
    "version": ["sinfo", "-V"],
    "associations": [
        *("sacctmgr", "-nP", "show", "assoc", "user=researcher"),
        "format=account,partition,qos",
    ],
}
# power saving, so that nodes can be put to sleep
SLEEP = "SuspendProgram=/bin/true\nResumeProgram=/bin/true\nSuspendTime=86400\nSuspendTimeout=3"


def mixed(cluster: SlurmCluster) -> None:
    """Some GPUs and CPUs of some nodes are held."""
    cluster.fill("gpu1", 3)
    cluster.fill("gpu3", 7)
    cluster.hold("cpu1", "--cpus-per-task=4", "--mem=1000")


def full(cluster: SlurmCluster) -> None:
    """Every GPU and every CPU node is held, and jobs wait."""
    for node in ("gpu1", "gpu2", "gpu3", "gpu4"):
        cluster.fill(node)
    for node in ("cpu1", "cpu2"):
        cluster.hold(node, "--exclusive")
    submit(cluster, "--gres=gpu:h100_80gb:8", "--nodes=2")
    submit(cluster, "--gres=gpu:2", "--partition=gpu-preempt")
    submit(cluster, "--partition=cpu", "--nodes=1")


def exhausted(cluster: SlurmCluster) -> None:
    """Nodes have free GPUs and neither a CPU nor memory for them."""
    cluster.hold("gpu1", "--cpus-per-task=64", "--mem=64000")
    cluster.hold("gpu3", "--mem=256000", "--gres=gpu:1")


def planned(cluster: SlurmCluster) -> None:
    """An idle node is planned for a job that waits for another one."""
    cluster.fill("gpu1")
    submit(cluster, "--gres=gpu:h100_80gb:8", "--nodes=2")
    cluster.wait_for(lambda: "planned" in cluster.states().values(), "the backfill scheduler")


def drained(cluster: SlurmCluster) -> None:
    """An idle node is drained, a busy one is draining."""
    cluster.fill("gpu2", 2)
    for node in ("gpu1", "gpu2", "cpu2"):
        cluster.drain(node)


def down(cluster: SlurmCluster) -> None:
    """One node was set down, another one is lost: it does not answer."""
    cluster.set_down("gpu3")
    cluster.lose("gpu4")
    cluster.wait_for(lambda: cluster.states()["gpu4"] == "down*", "the loss", seconds=120)


def maintenance(cluster: SlurmCluster) -> None:
    """One node is in maintenance, another one is reserved."""
    window = ("starttime=now", "duration=60", "users=root")
    for name, node, flags in (("work", "gpu1", ["flags=maint"]), ("class", "gpu3", [])):
        reserve = [f"reservationname={name}", f"nodes={node}", *window, *flags]
        cluster.run(["scontrol", "create", "reservation", *reserve])
    cluster.wait_for(lambda: cluster.states()["gpu1"] == "maint", "the maintenance")


def closed(cluster: SlurmCluster) -> None:
    """Partitions take no jobs, or start none."""
    cluster.run(["scontrol", "update", "partitionname=gpu-cancel", "state=down"])
    cluster.run(["scontrol", "update", "partitionname=gpu-short", "state=drain"])
    cluster.run(["scontrol", "update", "partitionname=gpu-preempt", "state=inactive"])


STATES: tuple[Callable[[SlurmCluster], None], ...] = (
    *(mixed, full, exhausted, planned, drained, down, maintenance, closed),
)


def submit(cluster: SlurmCluster, *options: str) -> None:
    """Have a job with *options* wait."""
    cluster.as_user(["sbatch", *options, "--output=/dev/null", "--wrap", "sleep 60"])


class Record:
    """The samples in *folder* and their index; what says the same as when idle is left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._idle: dict[str, tuple[int, str]] = {}

    def take(self, cluster: SlurmCluster, state: str, probes: Mapping[str, list[str]]) -> None:
        """Record what the *probes* answer while *cluster* is in *state*."""
        for probe, command in probes.items():
            done = cluster.as_user(command, check=False)
            answer = (done.returncode, done.stdout)
            if answer == self._idle.get(probe):
                continue
            if state == "idle":
                self._idle[probe] = answer
            name = f"{state}-{probe}"
            (self._folder / f"{name}.out").write_text(done.stdout)
            self._index(name, command, done)

    def _index(self, name: str, command: list[str], done: subprocess.CompletedProcess[str]) -> None:
        said = " ".join(done.stderr.split())
        row = [name, " ".join(command), f"rc={done.returncode}", f"{len(done.stdout)} bytes", said]
        index = self._folder / "INDEX.tsv"
        rows = index.read_text().splitlines() if index.exists() else []
        kept = [line for line in rows if not line.startswith(f"{name}\t")]
        index.write_text("\n".join([*kept, "\t".join(row), ""]))


def record_states(record: Record) -> None:
    """Record a cluster in all states, each from an idle one; the last is the controller's end."""
    with running_cluster(accounting=False) as cluster:
        record.take(cluster, "idle", PROBES)
        for enter in STATES:
            enter(cluster)
            record.take(cluster, enter.__name__, PROBES)
            for name in ("work", "class"):
                cluster.run(["scontrol", "delete", f"reservationname={name}"], check=False)
            cluster.clear()
        cluster.lose(CONTROLLER)
        record.take(cluster, "away", PROBES)


def record_sleep(record: Record) -> None:
    """Record nodes on their way to sleep, asleep, and on their way back for a job."""
    with running_cluster(accounting=False, extra=SLEEP) as cluster:
        for node in ("gpu1", "gpu2", "cpu1"):
            cluster.run(["scontrol", "update", f"nodename={node}", "state=power_down_force"])
        cluster.wait_for(lambda: "%" in "".join(cluster.states().values()), "powering down")
        record.take(cluster, "falling_asleep", PROBES)
        cluster.wait_for(lambda: cluster.states()["gpu1"].endswith("~"), "sleep", seconds=90)
        record.take(cluster, "asleep", PROBES)
        submit(cluster, "--nodelist=gpu1", "--gres=gpu:2")
        cluster.wait_for(lambda: cluster.states()["gpu1"].endswith("#"), "powering up")
        record.take(cluster, "waking", PROBES)


def record_accounting(record: Record) -> None:
    """Record a cluster with accounting, which knows associations and another form of TRES."""
    with running_cluster(accounting=True) as cluster:
        mixed(cluster)
        record.take(cluster, "accounting", {**PROBES, **ONCE})


if __name__ == "__main__":
    samples = Record(Path(sys.argv[1]))
    for part in (record_states, record_sleep, record_accounting):
        part(samples)
