"""SLURM: a run gets nodes that have what it asked for, and more nodes never make it fail."""

from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from tests.strategies import GIB
from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import ClusterConfig, DispatchConfig, Partition, SlurmHost
from theseus.core.inventory.gres import NodeGpus
from theseus.core.inventory.inventory import Inventory, Node, SlurmPartition, SlurmSnapshot
from theseus.core.solve.solve import Choice, solve

TYPES = ("h100", "a100", "")
CONFIG = DispatchConfig(
    clusters={"hpc": ClusterConfig("/project", "/work")},
    hosts={
        "login": SlurmHost(
            "hpc", (Partition("gpu", chip="l4"), Partition("spare")), ssh="login", exclude=("n0",)
        )
    },
)


@st.composite
def nodes(draw: st.DrawFn) -> Node:
    """A node; its name is given by `snapshot`."""
    total = draw(st.integers(0, 8))
    cpus, memory = draw(st.integers(1, 16)), draw(st.integers(1, 16)) * GIB
    gpus = NodeGpus(draw(st.sampled_from(TYPES)), total, draw(st.integers(0, total)))
    return Node(
        name="",
        state=draw(
            st.sampled_from(["available", "available", "busy", "reserved", "offline", "unknown"])
        ),
        gpus=(gpus,) if total else (),
        cpus=cpus,
        cpus_free=draw(st.integers(0, cpus)),
        memory=memory,
        memory_free=draw(st.integers(0, 16)) * memory // 16,
    )


@frozen
class Problem:
    """A request, and the nodes of two partitions."""

    request: HardwareRequest
    gpu: tuple[Node, ...]
    spare: tuple[Node, ...]
    max_nodes: int | None

    def snapshot(self) -> SlurmSnapshot:
        """What the cluster says."""
        named = [evolve(node, name=f"n{at}") for at, node in enumerate(self.gpu + self.spare)]
        names = tuple(node.name for node in named)
        cut = len(self.gpu)
        return SlurmSnapshot(
            tuple(named),
            (
                SlurmPartition("gpu", up=True, nodes=names[:cut], max_nodes=self.max_nodes),
                SlurmPartition("spare", up=True, nodes=names[cut:]),
            ),
            "22.05.8",
        )

    def choice(self) -> Choice | None:
        """Where the run would go."""
        solved = solve(CONFIG, self.request, Inventory({"login": self.snapshot()}))
        return solved.unwrap() if is_successful(solved) else None


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Any problem."""
    chip = draw(st.sampled_from([None, "h100", "l4"]))
    min_chips = draw(st.integers(0, 16))
    request = HardwareRequest(
        chip=None if chip is None or not min_chips else SUPPORTED_CHIPS[chip],
        min_chips=min_chips,
        nodes=draw(st.sampled_from([None, None, 1, 2])),
        cpus=draw(st.none() | st.integers(1, 8)),
        mem=draw(st.none() | st.integers(1, 8).map(lambda gib: gib * GIB)),
    )
    some = st.lists(nodes(), max_size=4).map(tuple)
    return Problem(request, draw(some), draw(some), draw(st.none() | st.integers(1, 3)))


@given(problems())
def test_allocation_is_there(problem: Problem) -> None:
    """A run that starts now gets free GPUs, CPUs and memory on enough nodes that are up."""
    choice = problem.choice()
    if choice is None:
        return
    allocation = choice.allocation
    assert allocation.total_chips == problem.request.min_chips
    assert problem.request.nodes in {None, allocation.nodes}
    snapshot = problem.snapshot()
    (partition,) = (each for each in snapshot.partitions if each.name == choice.partition)
    members = [node for node in snapshot.nodes if node.name in partition.nodes]
    holding = [node for node in members if _holds(node, choice, now=not allocation.waits)]
    assert len(holding) >= allocation.nodes
    assert allocation.nodes <= (partition.max_nodes or allocation.nodes)


def _holds(node: Node, choice: Choice, *, now: bool) -> bool:
    """Whether *node* has a node's share of the allocation: free now, or at all."""
    allocation = choice.allocation
    kind = (allocation.gres or "").removeprefix("gpu").strip(":").rpartition(":")[0]
    gpus = [each.free if now else each.total for each in node.gpus if each.type == kind]
    memory, cpus = (node.memory_free, node.cpus_free) if now else (node.memory, node.cpus)
    return (
        node.name != "n0"
        and node.state in ({"available"} if now else {"available", "busy"})
        and (not allocation.chips_per_node or max(gpus, default=0) >= allocation.chips_per_node)
        and memory >= (allocation.memory or 0)
        and cpus >= (allocation.cpus or 1)
    )


@given(problems(), st.lists(nodes(), max_size=3), st.booleans())
def test_larger_cluster_never_loses(problem: Problem, more: list[Node], freed: bool) -> None:  # noqa: FBT001  drawn by hypothesis
    """What a cluster could run it still could with more nodes, or with what is used freed."""
    if problem.choice() is None:
        return
    gpu, spare = problem.gpu, problem.spare
    if freed:
        spare = tuple(_freed(node) for node in spare)
    larger = evolve(problem, gpu=gpu, spare=(*spare, *more))
    assert larger.choice() is not None


def _freed(node: Node) -> Node:
    return evolve(
        node,
        gpus=tuple(evolve(each, used=0) for each in node.gpus),
        cpus_free=node.cpus,
        memory_free=node.memory,
    )


@given(problems())
def test_trace_names_the_choice(problem: Problem) -> None:
    """Exactly one line of the trace is the chosen one, and it is where the run goes."""
    choice = problem.choice()
    if choice is not None:
        (chosen,) = (line for line in choice.trace if line.verdict == "chosen")
        assert (chosen.host, chosen.partition) == (choice.host, choice.partition)
        assert chosen.reason.startswith("waits: ") == choice.allocation.waits
