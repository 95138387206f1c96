"""Clean: asks clean.sh on a host what lies in its share, and has it remove what was chosen.

One exchange for each. What is chosen is for `core/runs/clean.py` to say.
"""

from collections.abc import Iterator

from returns.pipeline import is_successful

from theseus.core.plan.outcome import HostUnreachable
from theseus.core.runs.clean import Item, Listing, Removal, read_listing, read_removals
from theseus.effects.hosts.shells import OpenShell, ShellUnavailable
from theseus.effects.perform import exchange
from theseus.effects.perform.package import CLEAN, packaged_content

BATCH = 500  # items to one command, whose words have to fit into the kernel's limit


async def list_share(open_shell: OpenShell, host: str, share: str) -> Listing | HostUnreachable:
    """What lies in *share*, by the word of *host*."""
    answers = await _ask(open_shell, host, [("list", share)])
    if isinstance(answers, HostUnreachable):
        return answers
    listing = read_listing(answers)
    return listing.unwrap() if is_successful(listing) else _no_answer(host, listing.failure())


async def remove_items(
    open_shell: OpenShell, host: str, share: str, items: tuple[Item, ...]
) -> tuple[Removal, ...] | HostUnreachable:
    """Remove *items* from *share*, unless they have been used since they were listed."""
    answers = await _ask(open_shell, host, list(_removals(share, items)))
    return answers if isinstance(answers, HostUnreachable) else read_removals(answers, items)


def _removals(share: str, items: tuple[Item, ...]) -> Iterator[tuple[str, ...]]:
    for first in range(0, len(items), BATCH):
        batch = items[first : first + BATCH]
        words = (word for item in batch for word in (item.kind, item.name, str(item.stamp)))
        yield ("remove", share, *words)


async def _ask(
    open_shell: OpenShell, host: str, commands: list[tuple[str, ...]]
) -> str | HostUnreachable:
    script = packaged_content(CLEAN).decode()
    probes = [("bash", "-c", script, CLEAN, *words) for words in commands]
    try:
        async with open_shell(host) as shell:
            # a work directory is found by its run, which may be removed by the next command
            answers = await exchange.ask_in_turn(shell, probes)
    except ShellUnavailable as unavailable:
        return unavailable.error
    if isinstance(answers, exchange.Lost):
        return _no_answer(host, answers.reason)
    return "\n".join(answer.output.decode("utf-8", "surrogateescape") for answer in answers)


def _no_answer(host: str, reason: str) -> HostUnreachable:
    return HostUnreachable(host, reason, "try again, or look there yourself")
