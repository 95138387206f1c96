"""Dry run: a performer that prints every command and every file, and contacts nothing.

What it prints is what the shell performers send, from the same compilation. Secrets appear by
reference, shipped files by name, size and sha256.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import assert_never

from theseus.core.config.secrets import Secret, describe
from theseus.core.plan.outcome import Done, Outcome
from theseus.core.plan.script import Command, Obtain, Receive, Unpack, describe_step, instruction
from theseus.core.plan.steps import (
    Content,
    EnsureFile,
    EnsureTree,
    Packaged,
    PlanDocument,
    Segment,
    Step,
    Text,
)
from theseus.core.values import frozen
from theseus.effects.perform.package import packaged_content
from theseus.effects.perform.perform import Performance, perform

INDENT = "    | "


@frozen
class DryRunPerformer:
    """Prints what would be done, line by line, through *write*."""

    write: Callable[[str], None]

    async def perform(self, segment: Segment) -> tuple[Outcome, ...]:
        """Print *segment*; every step counts as done."""
        for index, step in enumerate(segment.steps, segment.first):
            self.write(f"[{index}] {segment.host}$ {describe_step(step)}")
            for line in _details(step):
                self.write(INDENT + line)
        return (Done(),) * len(segment.steps)


def narrate(steps: Sequence[Step], write: Callable[[str], None]) -> Performance:
    """Print all *steps*. It waits for nothing, so no event loop is made: that opens sockets."""
    walk = perform(steps, DryRunPerformer(write))
    try:
        walk.send(None)
    except StopIteration as ended:
        narrated: Performance = ended.value
        return narrated
    raise AssertionError("a dry run waits for nothing")


def _details(step: Step) -> Iterator[str]:
    match instruction(step):
        case Command():
            return
        case Receive(_, _, content):
            yield from _content(content)
        case Obtain(_, _, EnsureTree(_, _, tree)):
            yield f"(archive of the source tree {tree}, sent only where it is missing)"
        case Obtain(_, _, EnsureFile(_, _, _, packaged)):
            yield f"{_shipped(packaged)}, sent only where it is missing"
        case Unpack() | Obtain():
            # no Obtain is left, which the checker of types does not see
            return


def _content(content: Content | tuple[Secret, ...]) -> Iterator[str]:
    match content:
        case Text(text):
            yield from text.splitlines()
        case Packaged():
            yield _shipped(content)
        case PlanDocument():
            yield "(the plan itself, as JSON)"
        case tuple():
            for secret in content:
                yield f"{secret.variable}=(secret, from {describe(secret.reference)})"
        case _:
            assert_never(content)


def _shipped(packaged: Packaged) -> str:
    size = len(packaged_content(packaged.name))
    return f"{packaged.name}, {size} bytes, sha256 {packaged.sha256}"
