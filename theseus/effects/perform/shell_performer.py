"""Shell performer: performs a segment through a shell on its host, local or by SSH."""

from attrs import evolve

from theseus.core.plan.outcome import Outcome
from theseus.core.plan.shelf import Shelf
from theseus.core.plan.steps import Segment
from theseus.core.values import frozen
from theseus.effects.hosts.shells import OpenShell
from theseus.effects.perform.channels import Channels, Width
from theseus.effects.perform.exchange import Dialogue
from theseus.effects.perform.sending import prepare
from theseus.effects.perform.supply import Supply


@frozen
class ShellPerformer:
    """Performs a segment through a shell on its host, where *shelf* is what lies there already.

    Where the host is far, as many channels as *width* says carry what is large.
    """

    open_shell: OpenShell
    supply: Supply
    shelf: Shelf | None = None
    width: Width = Width()

    async def perform(self, segment: Segment) -> tuple[Outcome, ...]:
        """Open a shell, hold the dialogue, close it."""
        outcomes, again = await self._converse(segment, self.shelf)
        if again is None:
            return outcomes
        # the shelf is not as it was: from there on, it is asked about everything
        held = outcomes[: again - segment.first]
        rest = evolve(segment, first=again, steps=segment.steps[len(held) :])
        return (*held, *(await self._converse(rest, None))[0])

    async def _converse(
        self, segment: Segment, shelf: Shelf | None
    ) -> tuple[tuple[Outcome, ...], int | None]:
        """One outcome for each step, and the index of that from which to say them again."""
        async with self.open_shell(segment.host) as shell:
            channels = Channels(self.open_shell, segment.host, self.width)
            sendings = await prepare(segment, self.supply, shelf)
            dialogue = Dialogue(shell, sendings, widen=channels.aside)
            await dialogue.hold(self.supply)
            return await dialogue.outcomes(), dialogue.again
