"""Shells: what a performer needs from a `bash -s` somewhere, however it was opened.

Only the protocols and the one exception of this border live here. A transport (local.py,
asyncssh.py, openssh.py) makes shells; the dialogues (exchange.py, follow.py) use them. No
transport's own exception may cross: a far side that is gone is the end of what is read, or
`ConnectionError` where something is written.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, TypeAlias

from theseus.core.plan.outcome import HostUnreachable

COMMAND: Final = "echo; exec bash -s"
"""The one form that crosses the login shell: the same in sh, csh and fish.

The empty line says that it runs, at the same time as sshd does; a dialogue passes over it.
"""
SESSIONS: Final = 6
"""Shells at once on a connection; sshd_config(5): MaxSessions is 10, and more fail at once."""


class Shell(Protocol):
    """A `bash -s`: bytes in, two streams of bytes out, an exit status."""

    @property
    def heard(self) -> set[str]:
        """The names of the scripts that it has read, kept by who sends them."""

    async def write(self, data: bytes) -> None:
        """Send *data*; ConnectionError when the far side is gone."""

    async def end_input(self) -> None:
        """Say that nothing more comes."""

    async def output(self) -> bytes:
        """Some bytes of standard output; none at its end."""

    async def errors(self) -> bytes:
        """Some bytes of standard error; none at its end."""

    def drop(self) -> None:
        """End it without waiting, since everything that was asked of it has been answered."""

    async def exit_status(self) -> int | None:
        """How bash ended; None when the connection was lost before it could be told."""


OpenShell: TypeAlias = Callable[[str], AbstractAsyncContextManager[Shell]]
"""Opens a shell on a host, by its name; raises ShellUnavailable. Leaving the context closes it."""


class ShellUnavailable(Exception):  # noqa: N818 - the error is the value it carries
    """No shell could be had; *error* says where, why and what to do."""

    def __init__(self, error: HostUnreachable) -> None:
        super().__init__(f"{error.host}: {error.reason}; {error.advice}")
        self.error = error


class TransportRefused(ShellUnavailable):
    """The same, where the host may be reached by another transport all the same."""
