"""What real clusters printed, whole and mutilated: nothing is raised, nothing more is free.

`slurm_samples/INDEX.tsv` says which command printed what.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.core.inventory.inventory import HostSnapshot, Node, SlurmSnapshot, Unreachable
from theseus.core.inventory.probes import Answer
from theseus.core.inventory.slurm_probes import slurm_probes, slurm_snapshot

SAMPLES = Path(__file__).parents[1] / "slurm_samples"
TEXTS = {path.name: path.read_text() for path in sorted(SAMPLES.glob("*.[oe][ur][tr]"))}
NODES = {name.removesuffix("-nodes.out"): text for name, text in TEXTS.items() if "-nodes." in name}
PARTITIONS = TEXTS["idle-partitions.out"]
LINES = NODES["mixed"].splitlines()
NOISE = "|:,()*~#%\n /=-(null)N/AgpuIDX"  # no digits: a number that is another cannot be noticed


def snapshot(
    nodes: str, partitions: str = PARTITIONS, pending: str = "", version: str = "slurm 22.05.8\n"
) -> SlurmSnapshot:
    """The snapshot of a cluster whose commands print these."""
    found = said(nodes, partitions, pending, version)
    assert isinstance(found, SlurmSnapshot)
    return found


def said(*texts: str) -> HostSnapshot:
    """What a cluster that printed *texts* is."""
    return slurm_snapshot(tuple(Answer(0, text) for text in texts))


def free(node: Node) -> int:
    """How many GPUs of a node could be had now."""
    return sum(gpus.free for gpus in node.gpus) if node.state == "available" else 0


WHOLE = {node.name: node for node in snapshot(NODES["mixed"]).nodes}


@st.composite
def mutilated(draw: st.DrawFn, text: str, most: int = 3) -> str:
    """*text* with up to *most* pieces cut out or replaced by noise, and its end lost perhaps."""
    for _ in range(draw(st.integers(1, most))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 30)))
        text = text[:start] + draw(st.sampled_from(["", *NOISE])) + text[end:]
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


FREE = {
    "idle": {"gpu1": 8, "gpu2": 8, "gpu3": 8, "gpu4": 8},
    "mixed": {"gpu1": 5, "gpu2": 8, "gpu3": 1, "gpu4": 8},
    "full": {"gpu1": 0, "gpu2": 0, "gpu3": 0, "gpu4": 0},
    "exhausted": {"gpu1": 0, "gpu2": 8, "gpu3": 7, "gpu4": 8},
    "planned": {"gpu1": 0, "gpu2": 0, "gpu3": 8, "gpu4": 8},
    "drained": {"gpu1": 0, "gpu2": 0, "gpu3": 8, "gpu4": 8},
    "down": {"gpu1": 8, "gpu2": 8, "gpu3": 0, "gpu4": 0},
    "maintenance": {"gpu1": 0, "gpu2": 8, "gpu3": 0, "gpu4": 8},
    "closed": {"gpu1": 8, "gpu2": 8, "gpu3": 8, "gpu4": 8},
    "asleep": {"gpu1": 0, "gpu2": 0, "gpu3": 8, "gpu4": 8},
    "falling_asleep": {"gpu1": 0, "gpu2": 0, "gpu3": 8, "gpu4": 8},
    "waking": {"gpu1": 0, "gpu2": 0, "gpu3": 8, "gpu4": 8},
    "accounting": {"gpu1": 5, "gpu2": 8, "gpu3": 1, "gpu4": 8},
}


@pytest.mark.parametrize("state", FREE)
def test_free_in_every_state(state: str) -> None:
    """In every state that a cluster was brought to, what is free on each node is known."""
    found = {node.name: node for node in snapshot(NODES[state]).nodes}
    assert {name: free(found[name]) for name in FREE[state]} == FREE[state]
    assert "unknown" not in {node.state for node in found.values()}
    assert set(FREE) == set(NODES) - {"away"}


def test_nodes_asleep_may_come_back() -> None:
    """Nodes that sleep, fall asleep or wake are waited for; those drained or down are not."""
    for state in ("asleep", "falling_asleep", "waking"):
        assert {node.state for node in snapshot(NODES[state]).nodes} == {"available", "busy"}
    states = {node.name: node.state for node in snapshot(NODES["drained"]).nodes}
    assert (states["gpu1"], states["gpu2"], states["cpu2"]) == ("offline", "offline", "offline")


def test_limits() -> None:
    """Partitions have the limits, the preemption and the state that were configured."""
    closed = snapshot(NODES["closed"], TEXTS["closed-partitions.out"])
    found = {partition.name: partition for partition in closed.partitions}
    closed_ones = {name for name, each in found.items() if not each.up}
    assert closed_ones == {"gpu-short", "gpu-preempt", "gpu-cancel"}
    assert {name: each.preempt for name, each in found.items()} == {
        "cpu": "OFF",
        "gpu": "OFF",
        "gpu-short": "OFF",
        "gpu-preempt": "REQUEUE",
        "gpu-cancel": "CANCEL",
    }
    short = found["gpu-short"]
    assert (short.min_nodes, short.max_nodes, short.max_time, short.default_time) == (0, 1, 10, 5)
    assert found["cpu"].max_time == 1440


def test_accounts() -> None:
    """Accounts and QOS that a partition admits, or denies, are read; `ALL` admits everyone."""
    text = PARTITIONS.replace("AllowAccounts=ALL", "AllowAccounts=lab,course", 1)
    text = text.replace("AllowQos=ALL", "AllowQos=long", 1)
    text = text.replace("gpu AllowGroups=ALL AllowAccounts=ALL", "gpu DenyAccounts=course")
    found = {each.name: each for each in snapshot(NODES["idle"], text).partitions}
    assert (found["cpu"].accounts, found["cpu"].qos) == (("lab", "course"), ("long",))
    assert (found["gpu"].accounts, found["gpu"].denied_accounts) == (None, ("course",))
    assert found["gpu-cancel"].denied_accounts == ()


@pytest.mark.parametrize(("state", "waiting"), [("idle", {}), ("planned", {"gpu": 1})])
def test_waiting(state: str, waiting: dict[str, int]) -> None:
    """Jobs that wait are counted in their partitions."""
    # recorded with more columns than are asked for
    pending = "".join(f"{line.split('|')[0]}\n" for line in TEXTS[f"{state}-pending.out"].split())
    found = snapshot(NODES[state], pending=pending).partitions
    assert {each.name: each.pending for each in found if each.pending} == waiting


def test_nothing_answers() -> None:
    """A cluster whose controller is away is unreachable, in its own words."""
    lines = (SAMPLES / "INDEX.tsv").read_text().splitlines()
    (errors,) = (line.split("\t")[-1] for line in lines if line.startswith("away-nodes"))
    answer = Answer(1, NODES["away"], errors)
    found = slurm_snapshot((answer, answer, answer, answer))
    assert isinstance(found, Unreachable)
    assert "Unable to contact slurm controller" in found.reason


def test_recorded_by_these_commands() -> None:
    """The samples were recorded by the very commands that ask a cluster."""
    recorded = (SAMPLES / "INDEX.tsv").read_text()
    sinfo, scontrol, _, version = slurm_probes(("gpu",))
    assert f"\tsinfo -h -N -O {sinfo[-1]}\t" in recorded
    for command in (scontrol[-1].partition(" || ")[0], " ".join(version[1:])):
        assert f"\t{command}\t" in recorded


@pytest.mark.parametrize("name", TEXTS)
def test_any_output_anywhere(name: str) -> None:
    """Whatever a command of SLURM prints, no other can be taken for GPUs that are free."""
    text = TEXTS[name]
    for texts in ((text, PARTITIONS, "", ""), (NODES["mixed"], text, text, text)):
        found = snapshot(*texts)
        for node in found.nodes:
            assert "-nodes" in name or node == WHOLE[node.name]


@pytest.mark.parametrize("name", [name for name in TEXTS if name.endswith(("s.out", "g.out"))])
def test_any_output_mutilated(name: str) -> None:
    """Whatever is left of an output, a snapshot comes of it, with no more free than there are."""

    @given(mutilated(TEXTS[name]), st.integers(0, 3))
    def holds(text: str, at: int) -> None:
        texts = [NODES["mixed"], PARTITIONS, "gpu\n", "slurm 22.05.8\n"]
        found = said(*texts[:at], text, *texts[at + 1 :])
        assert isinstance(found, SlurmSnapshot)
        for node in found.nodes:
            assert all(0 <= gpus.free <= gpus.total for gpus in node.gpus)
            assert 0 <= node.cpus_free <= node.cpus
            assert 0 <= node.memory_free <= node.memory

    holds()


@given(st.integers(0, len(NODES["mixed"])))
def test_end_lost(length: int) -> None:
    """Where the end of the output is lost the nodes before it are whole, and no other is there."""
    for node in snapshot(NODES["mixed"][:length]).nodes:
        assert node == WHOLE[node.name]


@given(st.sampled_from(range(len(LINES))), st.data())
def test_line_mutilated(at: int, data: st.DataObject) -> None:
    """A line with a piece cut out never gives a node more GPUs than it has."""
    line = data.draw(mutilated(LINES[at], most=1))
    lines = [*LINES[:at], *line.splitlines(), *LINES[at + 1 :]]
    for node in snapshot("\n".join(lines)).nodes:
        assert free(node) <= sum(gpus.total for gpus in node.gpus) <= 8


@given(mutilated("gpu:h100_80gb:3(IDX:0-2)"))
def test_use_mutilated(used: str) -> None:
    """Use that is mutilated never makes more free than there are."""
    line = LINES[2].replace("gpu:h100_80gb:3(IDX:0-2)", used.replace("|", "").replace("\n", ""))
    for node in snapshot(line).nodes:
        assert 0 <= free(node) <= 8
        assert [gpus.total for gpus in node.gpus] == [8]
