"""Doctor: what a host is examined for, as commands and what their answers say of its health.

A check PASSes, WARNs of what theseus can do without, or FAILs where runs would. Each says what was
found, and what to do unless it passed. All of a host's commands travel in one exchange.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeAlias

from theseus.core.config.config import Host
from theseus.core.inventory.probes import Answer
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.text.table import table
from theseus.core.values import frozen

Result: TypeAlias = Literal["PASS", "WARN", "FAIL"]
Answers: TypeAlias = tuple[Answer, ...]
Judge: TypeAlias = Callable[[Answers], Iterable["Check"]]
_HEAD = ("HOST", "CHECK", "RESULT", "FOUND")


@frozen
class Check:
    """One thing that was looked at: what was *found*, and the *advice* unless it passed."""

    name: str
    result: Result
    found: str
    advice: str = ""


@frozen
class Examination:
    """Commands to run on a host, and how their answers are *judged*."""

    commands: tuple[tuple[str, ...], ...]
    judge: Judge


@frozen
class HostHealth:
    """What was found on *host*."""

    host: str
    checks: tuple[Check, ...]

    def count(self, result: Result) -> int:
        """How many checks ended in *result*."""
        return sum(check.result == result for check in self.checks)


def passed(name: str, found: str) -> Check:
    """A check that passed."""
    return Check(name, "PASS", found)


def warned(name: str, found: str, advice: str) -> Check:
    """A check of what theseus can do without."""
    return Check(name, "WARN", found, advice)


def failed(name: str, found: str, advice: str) -> Check:
    """A check of what runs need and do not get."""
    return Check(name, "FAIL", found, advice)


def judged(examinations: Iterable[Examination], answers: Answers) -> tuple[Check, ...]:
    """What the *answers* to all commands of *examinations*, in their order, say."""
    checks: list[Check] = []
    rest = answers
    for examination in examinations:
        number = len(examination.commands)
        checks += examination.judge(rest[:number])
        rest = rest[number:]
    return tuple(checks)


def reached(way: str) -> tuple[Check, ...]:
    """That a host answers, and the *way* it was reached."""
    if way == "local":
        return (passed("connection", "this very machine"),)
    return (passed("connection", way), passed("host key", "known, and checked"))


def not_reached(error: HostUnreachable) -> tuple[Check, ...]:
    """That a host does not answer."""
    name = "host key" if "host key" in error.reason else "connection"
    return (failed(name, error.reason, error.advice),)


def render_health(hosts: Iterable[HostHealth]) -> str:
    """What was found, as a table."""
    return table(_HEAD, [cells for health in hosts for cells in _cells(health)])


def _cells(health: HostHealth) -> Iterator[tuple[str, ...]]:
    for check in health.checks:
        text = f"{check.found}; {check.advice}" if check.advice else check.found
        yield (health.host, check.name, check.result, text)


def declared_chips(host: Host) -> tuple[str, ...]:
    """The chips that the config says *host* has."""
    return tuple(chip for chip, number in (host.chips or {}).items() if number)
