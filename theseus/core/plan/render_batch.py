"""Rendering of batches: what each run is and where it goes, one line a run."""

from typing import assert_never

from theseus.core.plan.array import Alone, Array, Part, parts
from theseus.core.plan.batch import Batch
from theseus.core.plan.plan import Plan
from theseus.core.plan.render import describe_allocation, render_trace
from theseus.core.text.quantity import count
from theseus.core.text.table import table


def render_batch(batch: Batch) -> str:
    """The batch on one screen: its runs, how they are submitted, and why they go where they go."""
    return "\n\n".join(
        (
            f"Sweep {batch.name!r} ({batch.id}): {count(len(batch.plans), 'run')}",
            f"Runs\n{_indented(_runs(batch))}",
            f"Submitted as\n{_indented(chr(10).join(map(_part, parts(batch))))}",
            f"Considered for the first\n{_indented(render_trace(batch.plans[0].trace))}",
        )
    )


def _runs(batch: Batch) -> str:
    rows = [_row(point, plan) for point, plan in zip(batch.points, batch.plans, strict=True)]
    return table(("NAME", "RUN", "WHERE", "GETS", "OVERRIDES"), rows)


def _row(point: tuple[str, ...], plan: Plan) -> tuple[str, ...]:
    target = plan.target
    where = "/".join(filter(None, (target.host, target.partition)))
    waits = " (waits)" if plan.allocation.waits else ""
    return plan.run.name, plan.run.id, where, describe_allocation(plan) + waits, " ".join(point)


def _part(part: Part) -> str:
    match part:
        case Array(id=array_id, plans=plans):
            first, last = plans[0].run.name, plans[-1].run.name
            runs = count(len(plans), "run")
            return f"job array {array_id} on {plans[0].target.host}: {runs}, {first} to {last}"
        case Alone(plan):
            return f"by itself on {plan.target.host}: {plan.run.name}"
        case _:
            assert_never(part)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
