"""The solver on SLURM clusters: on recorded ones, and where a run waits when nothing is free."""

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from tests.core.inventory.test_slurm_samples import NODES, snapshot
from tests.core.solve.test_slurm_fit import nodes, numbered
from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import ClusterConfig, DispatchConfig, Partition, SlurmHost
from theseus.core.inventory.gres import NodeGpus
from theseus.core.inventory.inventory import Inventory, Node, SlurmPartition, SlurmSnapshot
from theseus.core.solve.slurm import consider_slurm
from theseus.core.solve.slurm_fit import Queues
from theseus.core.solve.solve import Choice, solve
from theseus.core.solve.verdict import Fits

CLUSTERS = {"hpc": ClusterConfig("/project", "/work")}
H100, A100 = SUPPORTED_CHIPS["h100"], SUPPORTED_CHIPS["a100-sxm4-80gb"]
RECORDED = DispatchConfig(
    CLUSTERS,
    {
        "login": SlurmHost(
            "hpc",
            (Partition("gpu-short"), Partition("gpu", default=True), Partition("gpu-preempt")),
            cpu_partitions=(Partition("cpu"),),
            gres_mapping={"h100": "h100_80gb", "a100-sxm4-80gb": "gpu:a100_80g"},
        )
    },
)


@pytest.mark.parametrize(
    ("state", "request_", "expected"),
    [
        ("idle", HardwareRequest(H100, 1), "gpu 1 x gpu:h100_80gb:1"),
        ("idle", HardwareRequest(H100, 8), "gpu 1 x gpu:h100_80gb:8"),
        ("idle", HardwareRequest(H100, 16), "gpu 2 x gpu:h100_80gb:8"),
        ("idle", HardwareRequest(A100, 4, nodes=2), "gpu 2 x gpu:a100_80g:2"),
        ("idle", HardwareRequest(A100, 8, mem=2**38), "rejected"),
        ("idle", HardwareRequest(min_chips=16), "gpu 2 x gpu:a100_80g:8"),
        ("idle", HardwareRequest(min_chips=0), "cpu 1 x None"),
        ("idle", HardwareRequest(min_chips=0, nodes=3), "rejected"),
        ("idle", HardwareRequest(min_chips=0, cpus=33), "rejected"),
        ("idle", HardwareRequest(H100, 8, time=3 * 1440), "gpu-preempt 1 x gpu:h100_80gb:8"),
        ("idle", HardwareRequest(H100, 8, time=8 * 1440), "rejected"),
        ("idle", HardwareRequest(H100, 24), "rejected"),
        ("idle", HardwareRequest(SUPPORTED_CHIPS["l4"], 1), "rejected"),
        ("mixed", HardwareRequest(H100, 5), "gpu 1 x gpu:h100_80gb:5"),
        ("mixed", HardwareRequest(H100, 16), "gpu 2 x gpu:h100_80gb:8, waits"),
        ("full", HardwareRequest(min_chips=0), "cpu 1 x None, waits"),
        ("full", HardwareRequest(H100, 1), "gpu-short 1 x gpu:h100_80gb:1, waits"),
        ("exhausted", HardwareRequest(A100, 16), "gpu 2 x gpu:a100_80g:8, waits"),
        ("exhausted", HardwareRequest(H100, 16), "gpu 2 x gpu:h100_80gb:8, waits"),
        ("planned", HardwareRequest(H100, 8), "gpu-short 1 x gpu:h100_80gb:8, waits"),
        ("drained", HardwareRequest(H100, 1), "rejected"),
        ("drained", HardwareRequest(min_chips=0, nodes=2), "rejected"),
        ("down", HardwareRequest(A100, 1), "rejected"),
        ("down", HardwareRequest(min_chips=8), "gpu 1 x gpu:h100_80gb:8"),
        ("maintenance", HardwareRequest(H100, 16), "rejected"),
        ("asleep", HardwareRequest(H100, 16), "gpu 2 x gpu:h100_80gb:8, waits"),
        ("falling_asleep", HardwareRequest(H100, 16), "gpu 2 x gpu:h100_80gb:8, waits"),
        ("waking", HardwareRequest(H100, 16), "gpu 2 x gpu:h100_80gb:8, waits"),
    ],
)
def test_recorded(state: str, request_: HardwareRequest, expected: str) -> None:
    """On a recorded cluster a run gets this, now or when it has waited, or nothing."""
    pending = {"full": "gpu\ngpu-preempt\ncpu\n", "planned": "gpu\n"}.get(state, "")
    found = snapshot(NODES[state], pending=pending)
    solved = solve(RECORDED, request_, Inventory({"login": found}))
    assert (told(solved.unwrap()) if is_successful(solved) else "rejected") == expected


def told(choice: Choice) -> str:
    """A choice in a few words."""
    allocation = choice.allocation
    waits = ", waits" if allocation.waits else ""
    return f"{choice.partition} {allocation.nodes} x {allocation.gres}{waits}"


TWO = DispatchConfig(
    CLUSTERS,
    {
        name: SlurmHost("hpc", (Partition("a"), Partition("b")), gres_mapping={"h100": "big"})
        for name in ("one", "two")
    },
    priority=("two",),
)


@frozen
class Clusters:
    """Two clusters of two partitions each, and what is asked of them."""

    request: HardwareRequest
    inventory: Inventory
    config: DispatchConfig = TWO

    def choice(self) -> Choice | None:
        """Where the run goes."""
        solved = solve(self.config, self.request, self.inventory)
        return solved.unwrap() if is_successful(solved) else None


@st.composite
def snapshots(draw: st.DrawFn) -> SlurmSnapshot:
    """A cluster with the partitions a and b, which may share nodes."""
    there = [evolve(node, name="") for node in draw(st.lists(nodes(), max_size=5))]
    named = numbered(there)
    names = tuple(node.name for node in named)
    cut, overlap = draw(st.integers(0, len(names))), draw(st.integers(0, 1))
    waiting = st.integers(0, 2)
    return SlurmSnapshot(
        named,
        (
            SlurmPartition("a", up=True, nodes=names[: cut + overlap], pending=draw(waiting)),
            SlurmPartition("b", up=draw(st.booleans()), nodes=names[cut:], pending=draw(waiting)),
        ),
        "22.05.8",
    )


@st.composite
def clusters(draw: st.DrawFn) -> Clusters:
    """Any two clusters, and a request."""
    chips = draw(st.integers(0, 16))
    request = HardwareRequest(
        H100 if chips and draw(st.booleans()) else None,
        chips,
        nodes=draw(st.sampled_from([None, None, 1, 2])),
        cpus=draw(st.sampled_from([None, 2])),
    )
    return Clusters(request, Inventory({"one": draw(snapshots()), "two": draw(snapshots())}))


def considered(asked: Clusters) -> list[tuple[str, str, Fits | Queues]]:
    """What could be had, partition by partition in order of priority, each looked at alone."""
    found = []
    for name in asked.config.hosts_by_preference():
        host = asked.config.hosts[name]
        assert isinstance(host, SlurmHost)
        for partition in host.partitions:
            alone = evolve(host, partitions=(partition,))
            each = consider_slurm(alone, {}, asked.request, asked.inventory.of(name))
            found += [
                (name, partition.name, one.reason)
                for one in each
                if isinstance(one.reason, Fits | Queues)
            ]
    return found


@given(clusters())
def test_first_that_fits_else_most_available(asked: Clusters) -> None:
    """The first partition in which a run starts gets it; if there is none, the most available."""
    found, choice = considered(asked), asked.choice()
    starts = [each for each in found if isinstance(each[2], Fits)]
    waits = [(name, part, one.busy) for name, part, one in found if isinstance(one, Queues)]
    if choice is None:
        assert not found
    elif starts:
        assert (choice.host, choice.partition) == starts[0][:2]
        assert not choice.allocation.waits
    else:
        best = max(waits, key=lambda each: (each[2].ready, each[2].free, -each[2].pending))
        assert (choice.host, choice.partition) == best[:2]
        assert choice.allocation.waits


@given(clusters())
def test_same_again(asked: Clusters) -> None:
    """The same clusters and the same request have the same answer."""
    assert asked.choice() == asked.choice()


@given(clusters())
def test_no_more_than_there_is(asked: Clusters) -> None:
    """What starts now takes free GPUs of nodes of its partition that are up."""
    choice = asked.choice()
    if choice is None or choice.allocation.waits:
        return
    found = asked.inventory.of(choice.host)
    assert isinstance(found, SlurmSnapshot)
    (partition,) = (each for each in found.partitions if each.name == choice.partition)
    kind, share = (choice.allocation.gres or "gpu::0").split(":")[1:]
    members = [node for node in found.nodes if node.name in partition.nodes]
    can = [node for node in members if _has_free(node, kind, int(share))]
    assert partition.up
    assert len(can) >= choice.allocation.nodes


def _has_free(node: Node, kind: str, share: int) -> bool:
    free = sum(gpus.free for gpus in node.gpus if gpus.type == kind)
    return node.state == "available" and free >= share


@given(clusters(), st.data())
def test_larger_inventory_never_loses(asked: Clusters, data: st.DataObject) -> None:
    """With less in use, or one more cluster, a run that starts starts and none is rejected."""
    larger = dict(asked.inventory.hosts)
    for name, found in asked.inventory.hosts.items():
        assert isinstance(found, SlurmSnapshot)
        eased = tuple(_freed(node) if data.draw(st.booleans()) else node for node in found.nodes)
        larger[name] = evolve(found, nodes=eased)
    hosts = {**asked.config.hosts, "three": SlurmHost("hpc", (Partition("a"),))}
    listed = data.draw(st.sampled_from([("two",), ("three", "two")]))
    larger["three"] = data.draw(snapshots())
    config = evolve(asked.config, hosts=hosts, priority=listed)
    before, after = asked.choice(), Clusters(asked.request, Inventory(larger), config).choice()
    if before is not None:
        assert after is not None
        assert before.allocation.waits or not after.allocation.waits


def _freed(node: Node) -> Node:
    return evolve(
        node,
        gpus=tuple(NodeGpus(each.type, each.total, 0) for each in node.gpus),
        cpus_free=node.cpus,
        memory_free=node.memory,
    )


def test_takes_the_type_it_can_hold_most_of() -> None:
    """A generic request that never fits is told of the type that comes nearest."""
    config = DispatchConfig(CLUSTERS, {"login": SlurmHost("hpc", (Partition("gpu"),))})
    kinds = [("a", 2), ("b", 8), ("c", 4)]
    there = tuple(
        Node(f"n{kind}", "available", (NodeGpus(kind, total, 0),), 1, 1, 1, 1)
        for kind, total in kinds
    )
    partition = SlurmPartition("gpu", up=True, nodes=tuple(node.name for node in there))
    inventory = Inventory({"login": SlurmSnapshot(there, (partition,), "22.05.8")})
    (line,) = solve(config, HardwareRequest(min_chips=9), inventory).failure().trace
    assert line.reason.startswith("needs 9 chips in even shares; the largest node has 8")
    assert line.reason.endswith("would fit: --n_chips 8")
