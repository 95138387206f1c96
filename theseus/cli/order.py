"""Order: from a command's words to an order, or to what is wrong with them."""

from collections.abc import Sequence

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.cli.flags import Flags
from theseus.core.errors import PlanError
from theseus.core.request.after import run_id_problem
from theseus.core.request.request import AskedByFlags
from theseus.core.values import frozen
from theseus.effects.reading.load import config_path, load_config
from theseus.effects.reading.reading import (
    JobSearch,
    Names,
    asked_hardware,
    check_added,
    check_names,
    find_job,
    here,
    read_job_config,
)
from theseus.effects.submit.orders import (
    BatchOrder,
    Order,
    OrderedRun,
    Terms,
    numbered,
    source_taker,
)
from theseus.effects.submit.run_ids import new_run_id

Points = Sequence[tuple[str, ...]]


def read_order(
    name: str, config: str, overrides: tuple[str, ...], flags: Flags
) -> Result[Order, PlanError]:
    """The order that the words of `plan` and `submit` make."""
    names = Names(name, flags.project, flags.group)
    return _command(names, flags).bind(lambda command: command.order(names, config, overrides))


def read_batch(
    name: str, config: str, overrides: tuple[str, ...], points: Points, flags: Flags
) -> Result[BatchOrder, PlanError]:
    """The batch that the words of a command make: one run a point, named by its number."""
    command = _command(Names(name, flags.project, flags.group), flags)
    if not is_successful(command):
        return Failure(command.failure())
    runs: list[OrderedRun] = []
    for point, run_name in zip(points, numbered(name, len(points)), strict=True):
        names = Names(run_name, flags.project, flags.group)
        ordered = command.unwrap().order(names, config, (*overrides, *point))
        if not is_successful(ordered):
            return Failure(ordered.failure())
        runs.append(OrderedRun(point, ordered.unwrap()))
    return Success(BatchOrder(new_run_id(), name, tuple(runs)))


@frozen
class _Command:
    """A command whose words are right, but for the job config: its *flags* and their *terms*."""

    flags: Flags
    terms: Terms

    def order(
        self, names: Names, config: str, overrides: tuple[str, ...]
    ) -> Result[Order, PlanError]:
        """The order of the run with *names*, by the job config at *config*."""
        flags, terms = self.flags, self.terms
        ordered: Result[Order, PlanError] = Result.do(
            terms.order(names, job, file.values, request)
            for file in read_job_config(config, overrides)
            for job in find_job(file, flags.job, terms.jobs)
            for request in asked_hardware(_asked(flags), file, tuple(terms.config.clusters))
        )
        return ordered


def _command(names: Names, flags: Flags) -> Result[_Command, PlanError]:
    take = source_taker(dirty=flags.dirty)
    command: Result[_Command, PlanError] = Result.do(
        _Command(flags, Terms(jobs, config, added, take, config_path(flags.dispatch_config)))
        for start in here()
        for jobs in Success(JobSearch(start, flags.load))
        for _ in check_names(names, "repository")
        for after in _awaited(flags.after)
        for added in check_added(flags.env, flags.uv_group, after)
        for config in load_config(flags.dispatch_config)
    )
    return command


def _awaited(word: str | None) -> Result[str | None, PlanError]:
    """The id of the run that `--after` means; an id need not be one of the ledger here."""
    if word is None or run_id_problem(word) is None:
        return Success(word)
    from theseus.cli.run_words import find_run  # noqa: PLC0415  reads the ledger, for --after alone

    awaited: Result[str | None, PlanError] = find_run(word).map(lambda entry: entry.run_id)
    return awaited


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
