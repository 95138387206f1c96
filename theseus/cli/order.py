"""Order: from a command's words to an order, or to what is wrong with them."""

from pathlib import Path

from returns.result import Failure, Result, Success

from theseus.cli.flags import Flags
from theseus.core.errors import PlanError, Unreadable
from theseus.core.request import AskedByFlags
from theseus.effects.load import load_config
from theseus.effects.planning import Order
from theseus.effects.reading import (
    Names,
    asked_hardware,
    check_after,
    check_environment,
    check_groups,
    check_names,
    find_job,
    read_job_config,
)
from theseus.effects.run_ids import new_run_id
from theseus.effects.source import committed_tree, dirty_tree


def read_order(
    name: str, config: str, overrides: tuple[str, ...], flags: Flags
) -> Result[Order, PlanError]:
    """The order that the words of `plan` and `submit` make."""
    names = Names(name, flags.project, flags.group)
    ordered: Result[Order, PlanError] = Result.do(
        Order(
            run_id=new_run_id(),
            names=names,
            job=job,
            values=file.values,
            config=dispatch_config,
            request=request,
            start=start,
            take=dirty_tree if flags.dirty else committed_tree,
            environment=environment,
            uv_groups=uv_groups,
            after=after,
        )
        for start in here()
        for _ in check_names(names, "repository")
        for environment in check_environment(flags.env)
        for uv_groups in check_groups(flags.uv_group)
        for after in check_after(flags.after)
        for file in read_job_config(config, overrides)
        for dispatch_config in load_config(flags.dispatch_config)
        for job in find_job(file, flags.job, flags.load, start)
        for request in asked_hardware(_asked(flags), file, tuple(dispatch_config.clusters))
    )
    return ordered


def here() -> Result[Path, PlanError]:
    """The current directory, unless it is gone."""
    try:
        return Success(Path.cwd())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Failure(Unreadable("current directory", ".", reason, "change to one that exists"))


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
    )


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    """Names given by repetition or commas, each once; an empty one stays, and names no cluster."""
    return tuple(dict.fromkeys(part.strip() for value in values for part in value.split(",")))
