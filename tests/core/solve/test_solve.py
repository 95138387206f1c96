"""The solver gives no more than there is, and more to choose from never makes it fail."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from tests.strategies import CHIPS, GIB, configs, inventories, numbered, requests
from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import ClusterConfig, DispatchConfig, PlainHost
from theseus.core.inventory.inventory import (
    Gpu,
    Inventory,
    PlainSnapshot,
    SlurmSnapshot,
    Unreachable,
)
from theseus.core.solve.solve import Choice, solve


@st.composite
def problems(draw: st.DrawFn) -> tuple[DispatchConfig, HardwareRequest, Inventory]:
    """A config, a request and what hosts say."""
    config = draw(configs())
    return config, draw(requests(tuple(config.clusters))), draw(inventories(config))


@given(problems())
def test_deterministic(problem: tuple[DispatchConfig, HardwareRequest, Inventory]) -> None:
    """The same problem has the same solution."""
    assert solve(*problem) == solve(*problem)


@given(problems())
def test_allocation_is_what_was_asked(
    problem: tuple[DispatchConfig, HardwareRequest, Inventory],
) -> None:
    """An allocation gives exactly the chips that were asked for, on a cluster that may be used."""
    config, request, inventory = problem
    solved = solve(config, request, inventory)
    if not is_successful(solved):
        return
    choice = solved.unwrap()
    cluster = config.hosts[choice.host].cluster
    assert choice.allocation.total_chips == request.min_chips
    assert choice.allocation.chip == (None if request.chip is None else request.chip.name)
    assert cluster not in request.forbidden_clusters
    assert not request.preferred_clusters or cluster in request.preferred_clusters


@given(problems())
def test_allocation_is_no_more_than_the_inventory(
    problem: tuple[DispatchConfig, HardwareRequest, Inventory],
) -> None:
    """The GPUs of an allocation are of one kind, within the cap; memory and CPUs are there.

    They are free, but for those that a run may wait for.
    """
    config, request, inventory = problem
    solved = solve(config, request, inventory)
    if is_successful(solved):
        choice = solved.unwrap()
        _is_there(config, request, choice, inventory)


def _is_there(
    config: DispatchConfig, request: HardwareRequest, choice: Choice, inventory: Inventory
) -> None:
    host, snapshot = config.hosts[choice.host], inventory.of(choice.host)
    allocation = choice.allocation
    caps = host.chips
    assert not isinstance(snapshot, Unreachable)
    if not isinstance(snapshot, PlainSnapshot):
        assert request.min_chips == 0 or request.min_chips <= max((caps or {}).values())
        return
    assert (allocation.memory or 0) <= snapshot.memory_available
    assert (allocation.cpus or 0) <= snapshot.cpus
    offered = [gpu for gpu in snapshot.gpus if gpu.uuid in allocation.gpus]
    free = [gpu for gpu in offered if not gpu.busy]
    assert allocation.waits == (len(free) < request.min_chips)
    assert request.queue or free == offered
    assert len({gpu.chip or gpu.name for gpu in offered}) <= 1
    assert len(offered) >= request.min_chips
    if request.chip is not None:
        assert {gpu.chip for gpu in offered} == {request.chip.name}
    if caps is not None and request.min_chips:
        assert request.min_chips <= caps[offered[0].chip or ""]


@given(problems())
def test_trace_tells_of_every_host_in_order(
    problem: tuple[DispatchConfig, HardwareRequest, Inventory],
) -> None:
    """The trace names each host that was considered, in order, and ends with the chosen one."""
    config, request, inventory = problem
    solved = solve(config, request, inventory)
    trace = solved.unwrap().trace if is_successful(solved) else solved.failure().trace
    considered = config.hosts_by_preference()[: len(trace)]
    assert tuple(line.host for line in trace) == considered
    if is_successful(solved):
        (chosen,) = (line for line in trace if line.verdict == "chosen")
        assert chosen.host == solved.unwrap().host
        # a host where it starts at once ends the search
        assert chosen == trace[-1] or (solved.unwrap().allocation.waits and request.queue)
    else:
        assert len(trace) == len(config.hosts)
        assert all(line.verdict != "chosen" for line in trace)


@st.composite
def growths(
    draw: st.DrawFn,
) -> tuple[HardwareRequest, DispatchConfig, Inventory, DispatchConfig, Inventory]:
    """A problem, and the same with more to choose from: a host, a GPU, memory, CPUs, an answer."""
    config, request, inventory = draw(problems())
    wider, larger = config, dict(inventory.hosts)
    if draw(st.booleans()):
        wider, larger["new"] = _with_host(draw, config), _empty()
    for name, snapshot in larger.items():
        if isinstance(snapshot, Unreachable) and draw(st.booleans()):
            larger[name] = _empty()
        elif isinstance(snapshot, PlainSnapshot):
            larger[name] = _grown(draw, snapshot)
    return request, config, inventory, wider, Inventory(larger)


def _with_host(draw: st.DrawFn, config: DispatchConfig) -> DispatchConfig:
    clusters = {**config.clusters, "new": ClusterConfig("/store", "/scratch")}
    listed = draw(st.booleans())
    return evolve(
        config,
        clusters=clusters,
        hosts={**config.hosts, "new": PlainHost("new", ssh="new")},
        priority=("new", *config.priority) if listed else config.priority,
    )


def _empty() -> PlainSnapshot:
    return PlainSnapshot((), 1, GIB)


def _grown(draw: st.DrawFn, snapshot: PlainSnapshot) -> PlainSnapshot:
    more = [
        Gpu("", chip, chip, 80 * GIB, busy=False)
        for chip in draw(st.lists(st.sampled_from(CHIPS), max_size=3))
    ]
    freed = draw(st.booleans())
    kept = [evolve(gpu, busy=gpu.busy and not freed) for gpu in snapshot.gpus]
    return evolve(
        snapshot,
        gpus=numbered([*kept, *more]),
        cpus=snapshot.cpus + draw(st.integers(0, 8)),
        memory_available=snapshot.memory_available + draw(st.integers(0, 100 * GIB)),
    )


@given(growths())
def test_larger_inventory_never_loses(
    growth: tuple[HardwareRequest, DispatchConfig, Inventory, DispatchConfig, Inventory],
) -> None:
    """What fits still fits when there is more."""
    request, config, inventory, wider, larger = growth
    if is_successful(solve(config, request, inventory)):
        assert is_successful(solve(wider, request, larger))


@given(problems())
def test_what_would_fit_fits(
    problem: tuple[DispatchConfig, HardwareRequest, Inventory],
) -> None:
    """A rejection that names a number of chips that would fit is right."""
    config, request, inventory = problem
    solved = solve(config, request, inventory)
    if is_successful(solved):
        return
    for line in solved.failure().trace:
        _, hint, number = line.reason.partition("would fit: --n_chips ")
        if hint:
            lower = HardwareRequest(
                request.chip, int(number), mem=request.mem, cpus=request.cpus, nodes=request.nodes
            )
            only = evolve(config, hosts={line.host: config.hosts[line.host]}, priority=())
            assert is_successful(solve(only, lower, inventory))


def test_inventory_of_another_kind_is_no_answer() -> None:
    """An inventory that holds a SLURM cluster under the name of a plain host says nothing of it."""
    config = DispatchConfig(
        {"lab": ClusterConfig("/store", "/scratch")}, {"box": PlainHost("lab", ssh="box")}
    )
    inventory = Inventory({"box": SlurmSnapshot((), (), "22.05")})
    (line,) = solve(config, HardwareRequest(min_chips=0), inventory).failure().trace
    assert line.verdict == "unreachable"
