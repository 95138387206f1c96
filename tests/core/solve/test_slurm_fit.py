"""Fit: one partition against a slow and plain count, and what more or less of it changes."""

from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import GIB
from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import Partition, SlurmHost
from theseus.core.inventory.gres import NodeGpus
from theseus.core.inventory.inventory import Node, SlurmPartition, SlurmSnapshot
from theseus.core.solve.slurm import consider_slurm
from theseus.core.solve.slurm_fit import Queues
from theseus.core.solve.slurm_reasons import NeverFits, Shape, SlurmRejection
from theseus.core.solve.verdict import Allocation, Fits

EXCLUDED = "out"
HOST = SlurmHost(
    "hpc", (Partition("gpu", constraint="ib"),), exclude=(EXCLUDED,), gres_mapping={"h100": "big"}
)
Verdict = Fits | Queues | SlurmRejection


@frozen
class Question:
    """A request, and the one partition that it is asked of."""

    request: HardwareRequest
    nodes: tuple[Node, ...]
    limits: SlurmPartition

    def verdict(self) -> Verdict:
        """What the partition can give."""
        names = tuple(node.name for node in self.nodes)
        snapshot = SlurmSnapshot(self.nodes, (evolve(self.limits, nodes=names),), "22.05")
        (found,) = consider_slurm(HOST, {}, self.request, snapshot)
        reason = found.reason
        assert isinstance(reason, Fits | Queues | SlurmRejection)
        return reason


@st.composite
def nodes(draw: st.DrawFn) -> Node:
    """A node with GPUs of up to two types."""
    types = draw(st.lists(st.sampled_from(["big", "big", "small"]), max_size=2, unique=True))
    cpus, gib = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    totals = [(kind, draw(st.sampled_from([1, 2, 4, 8]))) for kind in types]
    return Node(
        name=draw(st.sampled_from(["in", "in", "in", EXCLUDED])),
        state=draw(st.sampled_from(["available"] * 4 + ["busy", "reserved", "offline", "unknown"])),
        gpus=tuple(NodeGpus(kind, total, draw(st.integers(0, total))) for kind, total in totals),
        cpus=cpus,
        cpus_free=draw(st.integers(0, cpus)),
        memory=gib * GIB,
        memory_free=draw(st.integers(0, gib)) * GIB,
        features=draw(st.sampled_from([("ib",), ("ib", "x"), ()])),
    )


def numbered(found: list[Node]) -> tuple[Node, ...]:
    """Nodes with a name each; those that are excluded share one."""
    return tuple(
        node if node.name == EXCLUDED else evolve(node, name=f"n{at}")
        for at, node in enumerate(found)
    )


some_nodes = st.lists(nodes(), max_size=6).map(
    lambda found: numbered([*{node.name: node for node in numbered(found)}.values()])
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Any question, the one about a chip of a named type most often."""
    chips = draw(st.integers(0, 16))
    request = HardwareRequest(
        chip=draw(st.sampled_from([None, SUPPORTED_CHIPS["h100"]])) if chips else None,
        min_chips=chips,
        nodes=draw(st.sampled_from([None, None, None, 1, 2])),
        cpus=draw(st.sampled_from([None, None, 2])),
        mem=draw(st.sampled_from([None, None, 2 * GIB])),
    )
    limits = SlurmPartition(
        "gpu",
        up=True,
        nodes=(),
        min_nodes=draw(st.sampled_from([0, 0, 2])),
        max_nodes=draw(st.sampled_from([None, None, 2])),
    )
    return Question(request, draw(some_nodes), limits)


def allocated(verdict: Verdict) -> Allocation | None:
    """What a run gets, now or later."""
    return verdict.allocation if isinstance(verdict, Fits | Queues) else None


def rank(verdict: Verdict) -> int:
    """2 for a run that starts, 1 for one that waits, 0 for none."""
    match verdict:
        case Fits():
            return 2
        case Queues():
            return 1
        case _:
            return 0


def can_hold(node: Node, share: int, request: HardwareRequest, *, now: bool) -> set[str]:
    """The GRES types, "" for CPUs alone, of which *node* has a share: free now, or at all."""
    memory, cpus = (node.memory_free, node.cpus_free) if now else (node.memory, node.cpus)
    states = {"available"} if now else {"available", "busy"}
    if node.name == EXCLUDED or "ib" not in node.features or node.state not in states:
        return set()
    if memory < (request.mem or now) or cpus < (request.cpus or 1):
        return set()
    if share == 0:
        return {""}
    wanted = {"big", "small"} if request.chip is None else {"big"}
    return {
        gpus.type
        for gpus in node.gpus
        if gpus.type in wanted and (gpus.free if now else gpus.total) >= share
    }


def slow_shapes(question: Question, *, now: bool) -> dict[str, Shape]:
    """For each type the fewest nodes that hold the chips evenly, counted one by one."""
    request, limits = question.request, question.limits
    found: dict[str, Shape] = {}
    for number in range(1, len(question.nodes) + 1):
        share, uneven = divmod(request.min_chips, number)
        asked = request.nodes in {None, number} and number >= limits.min_nodes
        if uneven or not asked or bool(share) != bool(request.min_chips):
            continue
        sets = [can_hold(node, share, request, now=now) for node in question.nodes]
        for kind in ("", "big", "small"):
            if sum(kind in types for types in sets) >= number:
                found.setdefault(kind, Shape(number, share))
    most = limits.max_nodes or len(question.nodes)
    return {kind: shape for kind, shape in found.items() if shape.nodes <= most}


@given(questions())
def test_as_counted_one_by_one(question: Question) -> None:
    """The shape is the fewest nodes; it starts where that shape is free, waits where it could be.

    Every other request is rejected.
    """
    verdict = question.verdict()
    ever, now = slow_shapes(question, now=False), slow_shapes(question, now=True)
    free = {kind for kind, shape in now.items() if ever.get(kind) == shape}
    assert rank(verdict) == (2 if free else 1 if ever else 0)
    if (allocation := allocated(verdict)) is not None:
        kind = (allocation.gres or "gpu::").split(":")[1]
        assert ever[kind] == Shape(allocation.nodes, allocation.chips_per_node)
        assert not free or kind in free


@given(questions())
def test_nothing_is_lowered(question: Question) -> None:
    """What is allocated is what was asked for: chips, nodes, memory and CPUs."""
    request = question.request
    if (allocation := allocated(question.verdict())) is not None:
        assert allocation.total_chips == request.min_chips
        assert request.nodes in {None, allocation.nodes}
        assert (allocation.memory, allocation.cpus) == (request.mem, request.cpus)
        assert allocation.exclude == HOST.exclude
        assert allocation.constraint == "ib"


@given(questions())
def test_nodes_that_do_not_count(question: Question) -> None:
    """Without the nodes that are excluded, unfit, offline or unknown all is as with them."""
    counting = tuple(
        node
        for node in question.nodes
        if node.name != EXCLUDED and "ib" in node.features and node.state in {"available", "busy"}
    )
    whole, rest = question.verdict(), evolve(question, nodes=counting).verdict()
    match whole:
        case Fits() | Queues():
            assert rest == whole
        case _:
            assert rank(rest) == 0


@given(questions(), st.data())
def test_fewer_used(question: Question, data: st.DataObject) -> None:
    """With less in use a run that starts still starts, and one that waits waits or starts."""
    eased = evolve(question, nodes=tuple(_eased(data, node) for node in question.nodes))
    assert rank(eased.verdict()) >= rank(question.verdict())


def _eased(data: st.DataObject, node: Node) -> Node:
    if data.draw(st.booleans()):
        return node
    return evolve(
        node,
        state="available" if node.state == "busy" else node.state,
        gpus=tuple(evolve(each, used=data.draw(st.integers(0, each.used))) for each in node.gpus),
        cpus_free=data.draw(st.integers(node.cpus_free, node.cpus)),
        memory_free=data.draw(st.integers(node.memory_free, node.memory)),
    )


@given(questions(), some_nodes)
def test_more_nodes(question: Question, more: tuple[Node, ...]) -> None:
    """With more nodes nothing is rejected that was not.

    A run that would start waits only for a shape on fewer nodes than it would have taken.
    """
    added = tuple(evolve(node, name=f"new-{node.name}") for node in more)
    larger = evolve(question, nodes=question.nodes + added).verdict()
    before = question.verdict()
    assert rank(larger) >= min(rank(before), 1)
    if isinstance(before, Fits) and isinstance(larger, Queues) and question.request.chip:
        assert larger.allocation.nodes < before.allocation.nodes


@given(questions(), st.integers(1, 3))
def test_more_of_the_same(question: Question, number: int) -> None:
    """Where all nodes have as many GPUs, more of them never make a run wait that would start."""
    alike = tuple(
        evolve(node, gpus=(NodeGpus("big", 4, min(4, sum(gpus.used for gpus in node.gpus))),))
        for node in question.nodes
    )
    before = evolve(question, nodes=alike)
    added = tuple(
        evolve(node, name=f"new{at}-{node.name}") for at in range(number) for node in alike
    )
    assert rank(evolve(before, nodes=alike + added).verdict()) >= rank(before.verdict())


@given(questions())
def test_what_would_fit_fits(question: Question) -> None:
    """What is said to fit instead does: now, when the run would wait; ever, when it could not."""
    match question.verdict():
        case Queues(busy=busy):
            if busy.fewer:
                assert rank(_asking(question, busy.fewer, question.request.nodes)) == 2
            if busy.spread is not None:
                chips = question.request.min_chips
                assert rank(_asking(question, chips, busy.spread.nodes)) == 2
        case NeverFits(most=most) if most:
            assert rank(_asking(question, most, question.request.nodes)) > 0
        case Fits() | _:
            pass


def _asking(question: Question, chips: int, number: int | None) -> Verdict:
    request = question.request
    again = HardwareRequest(request.chip, chips, mem=request.mem, cpus=request.cpus, nodes=number)
    return evolve(question, request=again).verdict()


@given(questions(), st.data())
def test_order_of_nodes(question: Question, data: st.DataObject) -> None:
    """The order in which a cluster lists its nodes changes nothing that a run gets."""
    shuffled = data.draw(st.permutations(question.nodes))
    again = evolve(question, nodes=tuple(shuffled)).verdict()
    assert again == question.verdict()
