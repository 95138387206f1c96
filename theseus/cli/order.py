"""Order: from a command's words to an order, or to what is wrong with them."""

from collections.abc import Sequence

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.cli.flags import Flags
from theseus.core.config import DispatchConfig
from theseus.core.errors import PlanError
from theseus.core.request import AskedByFlags
from theseus.core.values import frozen
from theseus.effects.batch_planning import BatchOrder, OrderedRun
from theseus.effects.load import config_path, load_config
from theseus.effects.planning import Order
from theseus.effects.reading import (
    JobSearch,
    Names,
    asked_hardware,
    check_after,
    check_environment,
    check_groups,
    check_names,
    find_job,
    here,
    read_job_config,
)
from theseus.effects.run_ids import new_run_id
from theseus.effects.source import committed_tree, dirty_tree

Points = Sequence[tuple[str, ...]]


def read_order(
    name: str, config: str, overrides: tuple[str, ...], flags: Flags
) -> Result[Order, PlanError]:
    """The order that the words of `plan` and `submit` make."""
    names = Names(name, flags.project, flags.group)
    return _shared(names, flags).bind(lambda shared: shared.order(names, config, overrides))


def read_batch(
    name: str, config: str, overrides: tuple[str, ...], points: Points, flags: Flags
) -> Result[BatchOrder, PlanError]:
    """The batch that the words of a command make: one run a point, named by its number."""
    width = len(str(len(points) - 1))
    shared = _shared(Names(name, flags.project, flags.group), flags)
    if not is_successful(shared):
        return Failure(shared.failure())
    runs: list[OrderedRun] = []
    for index, point in enumerate(points):
        names = Names(f"{name}-{index:0{width}}", flags.project, flags.group)
        ordered = shared.unwrap().order(names, config, (*overrides, *point))
        if not is_successful(ordered):
            return Failure(ordered.failure())
        runs.append(OrderedRun(point, ordered.unwrap()))
    return Success(BatchOrder(new_run_id(), name, tuple(runs)))


@frozen
class _Shared:
    """What all runs of one command share."""

    flags: Flags
    jobs: JobSearch
    config: DispatchConfig
    environment: tuple[tuple[str, str], ...]
    uv_groups: tuple[str, ...]
    after: str | None

    def order(
        self, names: Names, config: str, overrides: tuple[str, ...]
    ) -> Result[Order, PlanError]:
        """The order of the run with *names*, by the job config at *config*."""
        flags = self.flags
        ordered: Result[Order, PlanError] = Result.do(
            Order(
                run_id=new_run_id(),
                names=names,
                job=job,
                values=file.values,
                config=self.config,
                request=request,
                start=self.jobs.start,
                take=dirty_tree if flags.dirty else committed_tree,
                environment=self.environment,
                uv_groups=self.uv_groups,
                after=self.after,
                config_path=config_path(flags.dispatch_config),
            )
            for file in read_job_config(config, overrides)
            for job in find_job(file, flags.job, self.jobs)
            for request in asked_hardware(_asked(flags), file, tuple(self.config.clusters))
        )
        return ordered


def _shared(names: Names, flags: Flags) -> Result[_Shared, PlanError]:
    shared: Result[_Shared, PlanError] = Result.do(
        _Shared(flags, JobSearch(start, flags.load), config, environment, uv_groups, after)
        for start in here()
        for _ in check_names(names, "repository")
        for environment in check_environment(flags.env)
        for uv_groups in check_groups(flags.uv_group)
        for after in check_after(flags.after)
        for config in load_config(flags.dispatch_config)
    )
    return shared


def _asked(flags: Flags) -> AskedByFlags:
    return AskedByFlags(
        chip=flags.chip,
        n_chips=flags.n_chips,
        mem=flags.mem,
        time=flags.time,
        cluster=_split(flags.cluster),
        exclude_cluster=_split(flags.exclude_cluster),
        n_shards=flags.n_shards,
        nodes=flags.nodes,
        cpus=flags.cpus,
        queue=flags.queue,
    )


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    """Names given by repetition or commas, each once; an empty one stays, and names no cluster."""
    return tuple(dict.fromkeys(part.strip() for value in values for part in value.split(",")))
