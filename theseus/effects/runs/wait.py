"""Wait: looks at runs again and again until they have ended, one connection for each host."""

import asyncio
from collections.abc import Callable, Sequence

from theseus.core.runs.run_state import Lost, RunState, Unknown, is_resting
from theseus.core.values import frozen
from theseus.effects.ledger.ledger import Ledger
from theseus.effects.perform.reach import shells
from theseus.effects.runs.live import KnownRun, live_states, ways_to

OnEnd = Callable[[KnownRun, RunState], None]


@frozen
class Pace:
    """Seconds between two looks: *shortest* at first, half as much again each time, *longest*."""

    shortest: float = 15.0
    longest: float = 60.0


async def wait_for(
    ledger: Ledger,
    runs: Sequence[KnownRun],
    on_end: OnEnd,
    pace: Pace = Pace(),
) -> None:
    """Tell *on_end* of each of *runs* that ends, until all have.

    A run of which a second look does not tell whether it was submitted is not waited for. One is
    only lost if a second look finds it so: SLURM's accounting may be behind SLURM itself.
    """
    pause, doubtful = pace.shortest, set[str]()
    left = list(runs)
    async with shells(ways_to(runs)) as open_shell:
        while True:
            states = await live_states(open_shell, ledger, left)
            for run in tuple(left):
                run_id, state = run.entry.run_id, states[run.entry.run_id]
                if isinstance(state, Unknown | Lost) and run_id not in doubtful:
                    doubtful.add(run_id)
                elif isinstance(state, Unknown) or is_resting(state):
                    on_end(run, state)
                    left.remove(run)
            if not left:
                return
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, pace.longest)
