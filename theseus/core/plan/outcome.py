"""Outcomes: what became of each step. Values, made by performers and read by everyone."""

from typing import TypeAlias

from theseus.core.values import frozen


@frozen
class Done:
    """The step holds; *output* is what it said (`present`, `sent`, an answer)."""

    output: str = ""


@frozen
class AlreadySubmitted:
    """The run had been submitted before; *answer* is what was answered then."""

    answer: str


@frozen
class Failed:
    """The step's command ended with *status*; *message* is what it printed."""

    status: int
    message: str


@frozen
class NotReached:
    """An earlier step ended the segment."""


@frozen
class Unknown:
    """The connection ended before the step was answered; it may or may not have happened."""

    reason: str


Outcome: TypeAlias = Done | AlreadySubmitted | Failed | NotReached | Unknown


@frozen
class HostUnreachable:
    """No shell could be had on *host*; nothing was performed. *advice* says what to do."""

    host: str
    reason: str
    advice: str


@frozen
class NothingToSend:
    """Content the plan names is not to be had on this machine (a tree, a secret)."""

    what: str
    advice: str


PerformError: TypeAlias = HostUnreachable | NothingToSend
