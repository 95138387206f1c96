"""Sighting: looks at runs on their hosts; one exchange for all runs of a host, all hosts at once.

What is seen is judged in `core/runs/run_state.py`. A host that is silent too long, or cannot be
reached, is unreachable, and holds up no other.
"""

import asyncio
from collections.abc import Mapping, Sequence

from theseus.core.plan.plan import Plan
from theseus.core.runs.run_state import Unreachable
from theseus.core.runs.sighting import Sighting, sightings
from theseus.effects.hosts.shells import OpenShell, ShellUnavailable
from theseus.effects.perform import exchange
from theseus.effects.perform.package import LOOK, packaged_content
from theseus.effects.perform.reach import Aliases, alias_of

DEADLINE = 30.0  # seconds for one host


def aliases_of_plans(plans: Sequence[Plan]) -> Aliases:
    """How the hosts of *plans* are reached: each as in the first of its plans."""
    return {
        host: alias for plan in reversed(plans) for host, alias in alias_of(plan.target).items()
    }


async def look(
    open_shell: OpenShell, plans: Sequence[Plan], deadline: float = DEADLINE
) -> Mapping[str, Sighting | Unreachable]:
    """What is to be seen of the runs of *plans*, by their ids."""
    by_host: dict[str, list[Plan]] = {}
    for plan in plans:
        by_host.setdefault(plan.target.host, []).append(plan)
    looks = (_look_at(open_shell, host, group, deadline) for host, group in by_host.items())
    return {run: seen for found in await asyncio.gather(*looks) for run, seen in found.items()}


async def _look_at(
    open_shell: OpenShell, host: str, plans: Sequence[Plan], deadline: float
) -> Mapping[str, Sighting | Unreachable]:
    runs = [plan.run.id for plan in plans]
    seen = await _ask(open_shell, host, plans, deadline)
    if isinstance(seen, Unreachable):
        return dict.fromkeys(runs, seen)
    return dict(zip(runs, seen, strict=True))


async def _ask(
    open_shell: OpenShell, host: str, plans: Sequence[Plan], deadline: float
) -> tuple[Sighting, ...] | Unreachable:
    places = [path for plan in plans for path in (plan.paths.run, plan.paths.status)]
    command = ("bash", "-c", packaged_content(LOOK).decode(), LOOK, *places)
    try:
        async with asyncio.timeout(deadline), open_shell(host) as shell:
            answers = await exchange.ask(shell, [command])
    except TimeoutError:
        return Unreachable(f"did not answer within {deadline:g} s")
    except ShellUnavailable as unavailable:
        return Unreachable(f"{unavailable.error.reason}; {unavailable.error.advice}")
    if isinstance(answers, exchange.Lost):
        return Unreachable(answers.reason)
    (answer,) = answers
    seen = sightings(answer.output.decode("utf-8", "replace"), [plan.run.id for plan in plans])
    return seen or Unreachable(
        f"cannot look at runs: {answer.errors.strip() or 'it was cut short'}"
    )
