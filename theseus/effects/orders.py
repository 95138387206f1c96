"""Orders: what the orders of one request share, whoever asks: the command line or Python.

Words, flags and arguments are read elsewhere; here they are values that were checked.
"""

from collections.abc import Mapping
from typing import Any

from theseus.base.hardware import HardwareRequest
from theseus.core.config import DispatchConfig
from theseus.core.payload import Job
from theseus.core.values import frozen
from theseus.effects.planning import Order, TakeSource
from theseus.effects.reading import Added, JobSearch, Names
from theseus.effects.run_ids import new_run_id
from theseus.effects.source import committed_tree, dirty_tree


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
