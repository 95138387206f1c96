"""`theseus plan`: everything a submission would do, on one screen or as a file."""

import sys
from typing import Annotated

from attrs import evolve
from cyclopts import Parameter
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.cli.flags import Flags, Switch
from theseus.cli.invoke import DONE, say
from theseus.cli.order import read_batch, read_order
from theseus.cli.refused import refused
from theseus.cli.sweep import Sweep, read_points, refuse, show_batch
from theseus.core.errors import BadInput, PlanError
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.plan import Plan
from theseus.core.plan.render import render_plan, render_trace
from theseus.core.request.request import BadFlag
from theseus.core.text.shell import word
from theseus.effects.perform.dry_run import narrate
from theseus.effects.submit.orders import BatchOrder, Order
from theseus.effects.submit.planning import keep_source, plan_from


def plan(  # noqa: PLR0913  each is a word or flag of the command line
    name: str,
    config: str,
    /,
    *overrides: str,
    dry_run: Annotated[bool, Switch] = False,
    explain: Annotated[bool, Switch] = False,
    check: Annotated[bool, Switch] = False,
    inventory: str | None = None,
    output: Annotated[str | None, Parameter(name=("--output", "-o"))] = None,
    json: Annotated[bool, Switch] = False,
    sweep: Sweep = Sweep(),
    flags: Flags = Flags(),
) -> int:
    """Show where a run would go and everything that would be done; change nothing.

    Hosts are asked what is free. With --dry-run nothing is contacted: what the config declares
    counts, and every command and file is printed.

    Parameters
    ----------
    name
        Name of the run.
    config
        Job config (YAML).
    overrides
        key=value for the job config; +key=value adds a key.
    dry_run
        Contact nothing; print every command and file.
    explain
        Print the decision trace alone: each host with verdict and numbers; with --json as JSON.
    check
        Ask SLURM whether it would take exactly this submission, and when it would start.
    inventory
        Plan against an inventory saved by `theseus hosts --save`; no host is asked.
    output
        Save the plan: YAML for .yaml and .yml, else JSON.
    json
        Print the plan as JSON.
    """
    if sweep.wanted:
        batch: Result[tuple[BatchOrder, Inventory | None], PlanError] = Result.do(
            (ordered, known)
            for _ in _compatible(dry_run=dry_run, asks=inventory is not None)
            for _ in refuse({"--explain": explain, "--check": check, "-o": output is not None})
            for points in read_points(sweep)
            for ordered in read_batch(name, config, overrides, points, flags)
            for known in _known(dry_run=dry_run, path=inventory)
        )
        if not is_successful(batch):
            return refused(batch.failure())
        return show_batch(*batch.unwrap(), json=json)
    planned: Result[Plan, PlanError] = Result.do(
        made
        for _ in _compatible(dry_run=dry_run, asks=check or inventory is not None)
        for _ in _writable(output)
        for order in read_order(name, config, overrides, flags)
        for known in _known(dry_run=dry_run, path=inventory)
        for made in _made(order, known)
        for _ in _saved(order, made, output)
    )
    if not is_successful(planned):
        return refused(planned.failure())
    made = planned.unwrap()
    if json:
        _show_only(_json(made, trace=explain), made)
    elif explain:
        _show_only(f"{render_trace(made.trace)}\n", made)
    elif output is not None:
        _show_only("", made)
    else:
        _show(made, dry_run=dry_run)
    return _ask_scheduler(made) if check else DONE


# what reads and writes plans, like what waits for hosts, takes a fifth of the time of a dry run:
# it is imported where it is used
def _json(made: Plan, *, trace: bool) -> str:
    from theseus.core.plan.codec import plan_data  # noqa: PLC0415  it imports cattrs, which plans that are only shown do without
    from theseus.core.text.json_text import json_text  # noqa: PLC0415  for --json alone

    data = plan_data(made)
    return json_text(data["trace"] if trace else data)


def _compatible(*, dry_run: bool, asks: bool) -> Result[None, PlanError]:
    """Whether the flags go together."""
    message = "contacts nothing and knows no inventory: leave out --check and --inventory"
    return (
        Failure(BadInput((BadFlag("--dry-run", message),))) if dry_run and asks else Success(None)
    )


def _made(order: Order, known: Inventory | None) -> Result[Plan, PlanError]:
    """The plan, by what is known or by what the hosts say now."""
    if known is not None:
        return plan_from(order, known)
    import asyncio  # noqa: PLC0415  a dry run waits for nothing

    from theseus.effects.submit.lock import lock_checked  # noqa: PLC0415  a dry run does not look at the lock, and starts sooner
    from theseus.effects.submit.submission import plan_now  # noqa: PLC0415  a dry run asks no hosts, and starts sooner

    return asyncio.run(plan_now(evolve(order, take=lock_checked(order.take))))


def _saved(order: Order, made: Plan, output: str | None) -> Result[None, PlanError]:
    """Save the plan where it was asked for."""
    if output is None:
        return Success(None)
    from theseus.effects.reading.plan_files import save_plan  # noqa: PLC0415  for -o alone

    saved = keep_source(order).bind(lambda _: save_plan(made, output))
    if is_successful(saved):
        say(f"plan saved: perform it with `theseus apply {word(output)}`")
    return saved


def _known(*, dry_run: bool, path: str | None) -> Result[Inventory | None, PlanError]:
    """The inventory that stands in for asking hosts; None when they are to be asked."""
    if path is not None:
        from theseus.effects.reading.inventory_files import load_inventory  # noqa: PLC0415  it imports cattrs, which plans that are only shown do without

        return load_inventory(path).map(lambda inventory: inventory)
    return Success(Inventory() if dry_run else None)


def _ask_scheduler(made: Plan) -> int:
    import asyncio  # noqa: PLC0415  a dry run waits for nothing

    from theseus.effects.submit.check import check as ask_scheduler  # noqa: PLC0415  for --check alone

    checked = asyncio.run(ask_scheduler(made))
    if not is_successful(checked):
        return refused(checked.failure())
    say(checked.unwrap())
    return DONE


def _writable(output: str | None) -> Result[None, PlanError]:
    """Whether a plan can be saved to *output*, asked before anything else is."""
    if output is None:
        return Success(None)
    from theseus.effects.reading.plan_files import plan_output  # noqa: PLC0415  for -o alone

    return plan_output(output).place().map(lambda _: None)


def _show(made: Plan, *, dry_run: bool) -> None:
    sys.stdout.write(f"{render_plan(made)}\n")
    if dry_run:
        sys.stdout.write("\nCommands and files\n")
        narrate(made.steps, _write)


def _show_only(text: str, made: Plan) -> None:
    """Print *text*, which holds no notes for people: those go to standard error."""
    for note in made.notes:
        say(note)
    sys.stdout.write(text)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
