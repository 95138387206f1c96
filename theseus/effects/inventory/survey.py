"""Survey: asks hosts about themselves, all at the same time, and makes the inventory.

In the same exchange it has them say what lies in their shares already.
"""

import asyncio
from collections.abc import Mapping, Sequence
from textwrap import shorten

from theseus.core.inventory.inventory import HostSnapshot, Inventory, Unreachable
from theseus.core.inventory.probes import Answer
from theseus.core.plan.inquiry import Inquiry
from theseus.core.plan.shelf import Shelf, read_shelf, shelf_question
from theseus.core.text.shell import command_line
from theseus.core.values import frozen
from theseus.effects.hosts.shells import OpenShell, ShellUnavailable
from theseus.effects.perform import exchange

DEADLINE = 30.0  # seconds for one host: a driver that wakes eight GPUs takes ten
WIDTH = 60  # characters that are shown of a command


@frozen
class Surveyed:
    """What hosts said: the *inventory*, and the *shelves* of those that were asked for them."""

    inventory: Inventory
    shelves: Mapping[str, Shelf]


async def survey(
    open_shell: OpenShell, inquiries: Mapping[str, Inquiry], deadline: float = DEADLINE
) -> Surveyed:
    """What the hosts of *inquiries* say; one that is silent too long is unreachable."""
    asked = (_ask(open_shell, host, inquiry, deadline) for host, inquiry in inquiries.items())
    said = dict(zip(inquiries, await asyncio.gather(*asked), strict=True))
    shelves = {host: shelf for host, (_, shelf) in said.items() if shelf is not None}
    return Surveyed(Inventory({host: snapshot for host, (snapshot, _) in said.items()}), shelves)


async def shelf_of(open_shell: OpenShell, host: str, share: str) -> Shelf | None:
    """What lies in *share* of *host*; None where it does not say."""
    try:
        async with open_shell(host) as shell:
            answers = await exchange.ask_commands(shell, [shelf_question(share)])
    except ShellUnavailable:
        return None
    return None if isinstance(answers, exchange.Lost) else read_shelf(as_text(answers[0]).output)


async def _ask(
    open_shell: OpenShell, host: str, inquiry: Inquiry, deadline: float
) -> tuple[HostSnapshot, Shelf | None]:
    try:
        # connecting has limits of its own, and may have to wait its turn: see pace.py
        async with open_shell(host) as shell:
            answers = await exchange.ask_within(deadline, shell, inquiry.lines)
    except exchange.Silent as silent:
        words = (*map(command_line, inquiry.commands), f"ls {inquiry.share}")
        return Unreachable(unanswered(deadline, words, silent)), None
    except ShellUnavailable as unavailable:
        return Unreachable(f"{unavailable.error.reason}; {unavailable.error.advice}"), None
    if isinstance(answers, exchange.Lost):
        return Unreachable(answers.reason), None
    said = tuple(as_text(answer) for answer in answers)
    shelf = None if inquiry.share is None else read_shelf(said[-1].output)
    return inquiry.read(said[: len(inquiry.commands)]), shelf


def unanswered(deadline: float, words: Sequence[str], silent: exchange.Silent) -> str:
    """That a host was *silent* for *deadline* seconds, and what of the commands *words* hangs."""
    silence = f"did not answer within {deadline:g} s"
    if silent.answers is None:
        return silence
    hanging = words[len(silent.answers)]
    hanging = shorten(hanging, WIDTH, placeholder=" ...", break_on_hyphens=False)
    return f"{silence}: `{hanging}` hangs"


def as_text(answer: exchange.Answer) -> Answer:
    """*answer* as probes read it; bytes that are no text are replaced."""
    return Answer(answer.status, answer.output.decode("utf-8", "replace"), answer.errors)
