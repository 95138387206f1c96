"""What hardware is asked for, and what was given.

Here: requests, clusters and the machines of a run. Never here: choosing among machines, or reading
a config.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Iterator, List, Literal, Mapping, Optional, Sequence, Tuple

from theseus.base.chip import SUPPORTED_CHIPS, Chip
from theseus.base.detect import detect, run_tool


class Resources(Mapping[Chip, int]):
    """How many of each chip: a mapping that can be hashed and cannot be changed."""

    __slots__ = ("_counts",)

    def __init__(self, counts: Mapping[Chip, int]) -> None:
        self._counts = dict(counts)

    def __getitem__(self, chip: Chip) -> int:
        return self._counts[chip]

    def __iter__(self) -> Iterator[Chip]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __hash__(self) -> int:
        return hash(frozenset(self._counts.items()))

    def __repr__(self) -> str:
        return repr({chip.name: count for chip, count in self._counts.items()})


@dataclass(frozen=True)
class Cluster:
    """Storage that some hosts share.

    *root* lasts, *work* is where runs happen; every other path is beneath one of them unless given.

    >>> Cluster("lab", root="/store", work="/scratch").log
    '/scratch/logs'
    """

    name: str
    root: str
    work: str
    log: str = ""
    share: str = ""
    data: str = ""
    checkpoints: str = ""
    results: str = ""
    status: str = ""

    def __post_init__(self) -> None:
        root, work = self.root.rstrip("/"), self.work.rstrip("/")
        defaults = {"log": f"{work}/logs", "share": f"{work}/.dispatch"}
        defaults.update(
            {field: f"{root}/{field}" for field in ("data", "checkpoints", "results", "status")}
        )
        for field, path in defaults.items():
            if not getattr(self, field):
                object.__setattr__(self, field, path)


@dataclass(frozen=True)
class ClusterMachine:
    """One host of a run, with the chips the run has there."""

    name: str
    cluster: Cluster
    resources: Mapping[Chip, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "resources", Resources(self.resources))


@dataclass(frozen=True)
class HardwareRequest:
    """What a run asks for: *mem* in bytes per node, *time* in minutes, *min_chips* over all nodes.

    With *queue* it may wait for its turn on a plain host.

    >>> HardwareRequest(min_chips=0).mode
    'cpu'
    """

    chip: Optional[Chip] = None
    min_chips: int = 1
    preferred_clusters: Sequence[str] = ()
    forbidden_clusters: Sequence[str] = ()
    n_shards: Optional[int] = None
    mem: Optional[int] = None
    time: Optional[int] = None
    nodes: Optional[int] = None
    cpus: Optional[int] = None
    queue: bool = False

    def __post_init__(self) -> None:
        problems = _whole_number_problems(self) or [
            *_chip_problems(self),
            *_cluster_problems(self),
            *_amount_problems(self),
        ]
        object.__setattr__(self, "preferred_clusters", tuple(self.preferred_clusters))
        object.__setattr__(self, "forbidden_clusters", tuple(self.forbidden_clusters))
        if problems:
            raise ValueError("; ".join(problems))
        if self.min_chips == 0:
            # the specification: no chips forces CPU mode and clears the chip
            object.__setattr__(self, "chip", None)

    @property
    def mode(self) -> Literal["typed", "generic", "cpu"]:
        """Whether a chip is named, any will do, or none is wanted."""
        if self.min_chips == 0:
            return "cpu"
        return "generic" if self.chip is None else "typed"


_AMOUNTS = ("n_shards", "mem", "time", "nodes", "cpus")


def _whole_number_problems(request: HardwareRequest) -> List[str]:
    amounts = [(field, getattr(request, field)) for field in _AMOUNTS]
    given = [(field, amount) for field, amount in amounts if amount is not None]
    return [
        f"{field} is {amount!r}, and no int"
        for field, amount in [("min_chips", request.min_chips), *given]
        if type(amount) is not int
    ]


def _chip_problems(request: HardwareRequest) -> List[str]:
    if request.min_chips < 0:
        return [f"min_chips is {request.min_chips}, but a count is 0 or more"]
    if request.chip is None:
        return []
    if not isinstance(request.chip, Chip):
        return [f"chip is {request.chip!r}, and no Chip: expected such as SUPPORTED_CHIPS['h100']"]
    if SUPPORTED_CHIPS.get(request.chip.name) != request.chip:
        return [
            f"chip {request.chip.name} is none of SUPPORTED_CHIPS: {', '.join(SUPPORTED_CHIPS)}"
        ]
    if request.chip == SUPPORTED_CHIPS["cpu"] and request.min_chips:
        return [
            f"chip cpu is given with min_chips {request.min_chips}: ask for min_chips 0 and no chip"
        ]
    return []


def _cluster_problems(request: HardwareRequest) -> List[str]:
    texts = [
        f"{field} is {getattr(request, field)!r}, and no list of names"
        for field in ("preferred_clusters", "forbidden_clusters")
        if isinstance(getattr(request, field), str)
    ]
    if texts:
        return texts
    both = [name for name in request.preferred_clusters if name in request.forbidden_clusters]
    return [f"{', '.join(both)} is in preferred_clusters and in forbidden_clusters"] if both else []


def _amount_problems(request: HardwareRequest) -> List[str]:
    amounts = ((field, getattr(request, field)) for field in _AMOUNTS)
    return [
        f"{field} is {amount}, but must be 1 or more, or left out"
        for field, amount in amounts
        if amount is not None and amount < 1
    ]


@dataclass(frozen=True)
class HardwareResult:
    """What a run was given; *chip* is None while unknown, *hosts* has one entry for each node."""

    chip: Optional[Chip]
    hosts: Sequence[ClusterMachine]
    total_chips: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "hosts", tuple(self.hosts))


def local(root: str, work: str) -> HardwareResult:
    """This machine as this process may use it.

    The chips are those `detect` finds. A machine without any, or whose chips are hidden, is one
    `cpu` chip: a process sees one CPU device, however many cores it has. Chips of several kinds, or
    of one that theseus does not know, are counted with chip None.
    """
    chip, total = detect(os.environ, run_tool)
    resources: Tuple[Tuple[Chip, int], ...] = () if chip is None else ((chip, total),)
    machine = ClusterMachine(
        platform.node(), Cluster("local", root=root, work=work), dict(resources)
    )
    return HardwareResult(chip, (machine,), total)
