"""Orders: what a user wants, whoever asks: the command line or Python.

Words, flags and arguments are read elsewhere; here they are values that were checked. What plans
them is imported while hosts are asked: nothing here needs it.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from attrs import evolve
from returns.result import Result

from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import DispatchConfig
from theseus.core.plan.payload import Job
from theseus.core.source.source import SourceError
from theseus.core.values import frozen
from theseus.effects.reading.reading import Added, JobSearch, Names
from theseus.effects.source.source import SourceTree, committed_tree, dirty_tree
from theseus.effects.submit.run_ids import new_run_id

TakeSource = Callable[[Path], AbstractContextManager[Result[SourceTree, SourceError]]]


@frozen
class Order:
    """What a user wants, read and checked; *take* is how the source around *start* is taken."""

    run_id: str
    names: Names
    job: Job
    values: Mapping[str, Any]
    config: DispatchConfig
    request: HardwareRequest
    start: Path
    take: TakeSource
    environment: tuple[tuple[str, str], ...] = ()
    uv_groups: tuple[str, ...] = ()
    after: str | None = None
    config_path: str | None = None


@frozen
class OrderedRun:
    """One run of a batch: its *order*, and the overrides that set it apart."""

    point: tuple[str, ...]
    order: Order


@frozen
class BatchOrder:
    """The runs of the sweep *name*, all from one source and by one dispatch config."""

    id: str
    name: str
    runs: tuple[OrderedRun, ...]

    @property
    def first(self) -> Order:
        """The order of the first run, for what all of them share: config, source, where it is."""
        return self.runs[0].order

    def taking(self, take: TakeSource) -> "BatchOrder":
        """This batch, its source taken by *take*."""
        first, *others = self.runs
        return evolve(self, runs=(evolve(first, order=evolve(first.order, take=take)), *others))


@frozen
class Terms:
    """What all runs of a request share: where *jobs* are found, the dispatch *config*, and *added*.

    *take* is how their source is taken, *config_path* where the config lies.
    """

    jobs: JobSearch
    config: DispatchConfig
    added: Added
    take: TakeSource
    config_path: str | None = None

    def order(
        self, names: Names, job: Job, values: Mapping[str, Any], request: HardwareRequest
    ) -> Order:
        """The order of a new run of *job*, with the *values* of its config."""
        return Order(
            run_id=new_run_id(),
            names=names,
            job=job,
            values=values,
            config=self.config,
            request=request,
            start=self.jobs.start,
            take=self.take,
            environment=self.added.environment,
            uv_groups=self.added.uv_groups,
            after=self.added.after,
            config_path=self.config_path,
        )


def source_taker(*, dirty: bool) -> TakeSource:
    """How the source is taken: as committed, or *dirty*."""
    return dirty_tree if dirty else committed_tree


def numbered(name: str, count: int) -> tuple[str, ...]:
    """The names of *count* runs of the sweep *name*.

    >>> numbered("scan", 11)[:2]
    ('scan-00', 'scan-01')
    """
    width = len(str(count - 1))
    return tuple(f"{name}-{index:0{width}}" for index in range(count))
