"""Probes of SLURM: what a real cluster printed, as a snapshot; what is unreadable is not free."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import any_string
from theseus.core.inventory.inventory import HostSnapshot, Node, SlurmSnapshot, Unreachable
from theseus.core.inventory.probes import Answer
from theseus.core.inventory.slurm_probes import node_state, slurm_probes, slurm_snapshot

SAMPLES = Path(__file__).parents[1] / "slurm_samples"


def sample(name: str) -> Answer:
    """What a command printed."""
    return Answer(0, (SAMPLES / f"{name}.out").read_text())


def recorded(state: str, pending: str = "idle") -> SlurmSnapshot:
    """The snapshot of the recorded cluster in *state*."""
    found = slurm_snapshot(
        (
            sample(f"{state}-nodes"),
            sample("idle-partitions"),
            sample(f"{pending}-pending"),
            sample("accounting-version"),
        )
    )
    assert isinstance(found, SlurmSnapshot)
    return found


def said(line: str, status: int = 0, errors: str = "") -> HostSnapshot:
    """The snapshot of a cluster whose sinfo says *line*."""
    partitions = Answer(0, "PartitionName=gpu State=UP\n\nnonsense\n")
    return slurm_snapshot((Answer(status, line, errors), partitions, Answer(0, ""), Answer(0, "")))


def node(**changes: str) -> Node | None:
    """The node of a line in which some columns are changed."""
    columns = {
        "name": "n1",
        "partition": "gpu*",
        "gres": "gpu:8",
        "used": "gpu:1",
        "state": "mixed",
        "cpus": "0/64/0/64",
        "memory": "1024",
        "allocated": "24",
        "features": "a,b",
        **changes,
    }
    found = said("|".join(columns.values()) + "|\n")
    assert isinstance(found, SlurmSnapshot)
    return found.nodes[0] if found.nodes else None


def test_idle_cluster() -> None:
    """Nodes have GPUs by type, CPUs, memory and features; partitions their limits and nodes."""
    found = recorded("idle")
    assert [node.name for node in found.nodes] == ["cpu1", "cpu2", "gpu1", "gpu2", "gpu3", "gpu4"]
    gpu1 = found.nodes[2]
    assert (gpu1.state, gpu1.cpus_free, gpu1.memory) == ("available", 64, 512000 * 2**20)
    assert [(gpus.type, gpus.free) for gpus in gpu1.gpus] == [("h100_80gb", 8)]
    assert gpu1.features == ("h100", "sm90", "ib")
    limits = {partition.name: partition for partition in found.partitions}
    assert limits["gpu"].nodes == ("gpu1", "gpu2", "gpu3", "gpu4")
    assert (limits["gpu"].max_time, limits["gpu"].default_time) == (2880, 60)
    assert limits["gpu-short"].max_nodes == 1
    assert limits["gpu"].max_nodes is None
    assert limits["gpu"].accounts is None
    assert found.version == "22.05.8"


def test_busy_cluster() -> None:
    """What is used does not count as free."""
    free = {node.name: [g.free for g in node.gpus] for node in recorded("mixed").nodes}
    assert free == {"cpu1": [], "cpu2": [], "gpu1": [5], "gpu2": [8], "gpu3": [1], "gpu4": [8]}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("IDLE", "available"),
        ("mixed", "available"),
        ("allocated", "busy"),
        ("idle~", "busy"),
        ("mixed#", "busy"),
        ("idle!", "busy"),
        ("mixed-", "busy"),
        ("allocated+", "busy"),
        ("idle*", "offline"),
        ("allocated*", "offline"),
        ("quantum*", "unknown"),
        ("mixed$", "offline"),
        ("drained", "offline"),
        ("down*", "offline"),
        ("reserved", "reserved"),
        ("reserved*", "offline"),
        ("quantum", "unknown"),
        ("", "unknown"),
    ],
)
def test_state(state: str, expected: str) -> None:
    """A state means that jobs may start, must wait, cannot, or that nobody knows."""
    assert node_state(state) == expected


def test_odd_lines() -> None:
    """A line that cannot be read is left out; memory that is not told counts as taken."""
    assert node(cpus="64") is None
    assert node(cpus="a/b/c/d") is None
    assert node(memory="N/A") is None
    whole = node(allocated="(null)", features="(null)")
    assert whole is not None
    assert (whole.memory_free, whole.features) == (0, ())
    assert node(name="") is None
    found = said("too|few|columns|\n")
    assert isinstance(found, SlurmSnapshot)
    assert (found.nodes, found.partitions) == ((), ())


@pytest.mark.parametrize(
    ("status", "output", "errors", "reason"),
    [
        (127, "", "", "it has no sinfo: is this a login node?"),
        (1, "", "slurm_load_partitions: Unable\nmore", "sinfo: slurm_load_partitions: Unable"),
        (1, "said\n", "", "sinfo: said"),
        (1, "", "sinfo: error: no controller", "sinfo: error: no controller"),
        (3, "", "", "sinfo: status 3"),
    ],
)
def test_no_answer(status: int, output: str, errors: str, reason: str) -> None:
    """A cluster whose tools are missing or fail gave no usable answer, and it is said why."""
    assert said(output, status, errors) == Unreachable(reason)


def test_commands() -> None:
    """The partitions of the config are asked for, and no others."""
    sinfo, _, squeue, _ = slurm_probes(("gpu", "cpu"))
    assert "gpu,cpu" in sinfo
    assert "gpu,cpu" in squeue


def test_waiting_jobs() -> None:
    """A job that waits in several partitions waits in each."""
    partitions = Answer(0, "PartitionName=gpu State=UP\nPartitionName=cpu State=UP\n")
    line = "n1|gpu|gpu:8|(null)|idle|0/1/0/1|1|0|(null)|\n"
    nodes = Answer(0, line + line.replace("|gpu|", "|cpu|"))
    waiting = Answer(0, "gpu\ngpu,cpu\n")
    found = slurm_snapshot((nodes, partitions, waiting, Answer(0, "")))
    assert isinstance(found, SlurmSnapshot)
    assert {each.name: each.pending for each in found.partitions} == {"gpu": 2, "cpu": 1}


@pytest.mark.parametrize(
    ("groups", "lacking"),
    [
        ("groups users staff\n", ()),
        ("groups users\n", ("wheel", "staff")),
        ("groups \n", ()),
        ("", ()),
    ],
)
def test_groups(groups: str, lacking: tuple[str, ...]) -> None:
    """A partition for groups says so where the user is in none of them, as far as is known."""
    partitions = f"PartitionName=gpu AllowGroups=wheel,staff Hidden=YES State=UP\n{groups}"
    nodes = "n1|gpu|gpu:8|(null)|idle|0/1/0/1|1|0|(null)|\n"
    said = (nodes, partitions, "", "")
    found = slurm_snapshot(tuple(Answer(0, text) for text in said))
    assert isinstance(found, SlurmSnapshot)
    assert found.partitions[0].groups_lacking == lacking


@pytest.mark.parametrize(
    ("groups", "lacking"),
    [
        ("groups users hpc-team\n", ()),
        ("groups domain users staff\n", ()),
        ("groups domain team\n", ("HPC-Team", "Domain Users")),
    ],
)
def test_groups_of_a_directory(groups: str, lacking: tuple[str, ...]) -> None:
    """Groups of a directory service have spaces in their names, and are the same in any case."""
    allowed = "AllowGroups=HPC-Team,Domain Users AllowQos=ALL"
    partitions = f"PartitionName=gpu {allowed} State=UP\n{groups}"
    nodes = "n1|gpu|gpu:8|(null)|idle|0/1/0/1|1|0|(null)|\n"
    found = slurm_snapshot(tuple(Answer(0, text) for text in (nodes, partitions, "", "")))
    assert isinstance(found, SlurmSnapshot)
    assert found.partitions[0].groups_lacking == lacking


@given(st.lists(st.builds(Answer, st.sampled_from([0, 1]), any_string), min_size=4, max_size=4))
def test_anything(answers: list[Answer]) -> None:
    """Whatever a cluster says, a snapshot comes of it: nothing is raised."""
    assert isinstance(slurm_snapshot(tuple(answers)), SlurmSnapshot | Unreachable)
