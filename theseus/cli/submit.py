"""`theseus submit`: plan a run and start it."""

import asyncio
from typing import TYPE_CHECKING, Annotated

from attrs import evolve
from returns.pipeline import is_successful
from returns.result import Result

from theseus.cli.flags import Flags, Switch
from theseus.cli.order import read_batch, read_order
from theseus.cli.recording import recordable, recording
from theseus.cli.refused import refused
from theseus.cli.start import announce, finish
from theseus.cli.sweep import Sweep, read_points, refuse, start_batch
from theseus.core.errors import PlanError
from theseus.effects.submit.lock import lock_checked
from theseus.effects.submit.orders import BatchOrder, Order
from theseus.effects.submit.outlook import looking

if TYPE_CHECKING:
    from collections.abc import Callable

    from theseus.core.submit.submitted import Submitted
    from theseus.effects.submit.witness import Witness


def submit(  # noqa: PLR0913  each is a word or flag of the command line
    name: str,
    config: str,
    /,
    *overrides: str,
    follow: Annotated[bool, Switch] = False,
    json: Annotated[bool, Switch] = False,
    record: str | None = None,
    sweep: Sweep = Sweep(),
    flags: Flags = Flags(),
) -> int:
    """Plan a run, or a sweep of many, and start it. Never prompts.

    Parameters
    ----------
    name
        Name of the run.
    config
        Job config (YAML).
    overrides
        key=value for the job config; +key=value adds a key.
    follow
        Show the log until the run ends; the exit status is then the job's.
    json
        Print what was started as JSON.
    record
        Keep what the host answered to each step in a file, for `theseus replay` and bug reports.
    """
    if sweep.wanted:
        batch: Result[BatchOrder, PlanError] = Result.do(
            ordered
            for _ in refuse({"--follow": follow, "--record": record is not None})
            for points in read_points(sweep)
            for ordered in read_batch(name, config, overrides, points, flags)
        )
        if not is_successful(batch):
            return refused(batch.failure())
        return start_batch(batch.unwrap(), json=json)
    ordered: Result[Order, PlanError] = recordable(record).bind(
        lambda _: read_order(name, config, overrides, flags)
    )
    if not is_successful(ordered):
        return refused(ordered.failure())
    order = ordered.unwrap()
    checked = evolve(order, take=lock_checked(order.take))
    with recording(record) as witness:
        submitted = asyncio.run(_submitted(checked, witness))
    if not is_successful(submitted):
        return refused(submitted.failure())
    return finish(submitted.unwrap(), follow=follow, json=json)


async def _submitted(
    order: Order, witness: "Callable[[], Witness]"
) -> Result["Submitted", PlanError]:
    """Submit *order*; what plans and performs is imported while its hosts are connected to."""
    async with looking(order) as outlook:
        await outlook.seen()
        from theseus.effects.submit.submission import submit_seen  # noqa: PLC0415  imported while hosts answer

        return await submit_seen(order, outlook, announce, witness())
