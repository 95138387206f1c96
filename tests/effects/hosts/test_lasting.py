"""Lasting shells: one shell on a host for several dialogues, until it fails in one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from tests.effects.sites import local_site, supply
from tests.effects.sshd import ALIAS, Server, served
from theseus.core.plan.outcome import Done, Unknown
from theseus.core.plan.steps import ClaimRun, Launch, MakeDir, PutFile, Segment, Text
from theseus.effects.hosts.asyncssh import AsyncsshConnections
from theseus.effects.hosts.lasting import LastingShells
from theseus.effects.hosts.shells import Shell
from theseus.effects.perform.exchange import Answer, ask
from theseus.effects.perform.local import local_shell
from theseus.effects.perform.package import packaged_content
from theseus.effects.perform.shell_performer import ShellPerformer


def test_one_shell_for_all(tmp_path: Path) -> None:
    """Probes and steps, one dialogue after the other, go through one shell."""

    async def main() -> None:
        async with (
            served(Server(tmp_path / "server")) as server,
            AsyncsshConnections([server.config]) as connections,
            LastingShells(connections.open_shell) as lasting,
        ):
            for word in ("one", "two"):
                async with lasting.open_shell(ALIAS) as shell:
                    assert await ask(shell, [("echo", word)]) == (
                        Answer(0, f"{word}\n".encode().rstrip(), ""),
                    )
            made = MakeDir(ALIAS, str(tmp_path / "made"), 0o700)
            performer = ShellPerformer(lasting.open_shell, supply())
            assert await performer.perform(Segment(ALIAS, 0, (made,))) == (Done(),)
            assert len(server.commands) == 1

    asyncio.run(main())
    assert (tmp_path / "made").is_dir()


def test_scripts_are_sent_once() -> None:
    """A shell that has read perform.sh is not sent it again."""
    sent: list[int] = []

    class Counting:
        def __init__(self, shell: Shell) -> None:
            self._shell = shell

        def __getattr__(self, name: str) -> object:
            return getattr(self._shell, name)

        async def write(self, data: bytes) -> None:
            sent[-1] += len(data)
            await self._shell.write(data)

    @asynccontextmanager
    async def open_shell(host: str) -> AsyncIterator[Shell]:
        async with local_shell(host) as shell:
            yield cast("Shell", Counting(shell))

    async def main() -> None:
        async with LastingShells(open_shell) as lasting:
            for _ in range(2):
                sent.append(0)
                async with lasting.open_shell("here") as shell:
                    assert await ask(shell, [("echo", "a")]) == (Answer(0, b"a", ""),)

    asyncio.run(main())
    assert sent[0] > len(packaged_content("perform.sh"))
    assert sent[1] < 200


def test_a_shell_that_fails_is_not_used_again(tmp_path: Path) -> None:
    """After a dialogue that was cut short, the next one has a shell of its own."""

    async def main() -> None:
        made = MakeDir(ALIAS, str(tmp_path / "made"), 0o700)
        async with (
            served(Server(tmp_path / "server", cut_output=1)) as server,
            AsyncsshConnections([server.config]) as connections,
            LastingShells(connections.open_shell) as lasting,
        ):
            performer = ShellPerformer(lasting.open_shell, supply())
            (outcome,) = await performer.perform(Segment(ALIAS, 0, (made,)))
            assert isinstance(outcome, Unknown)
            assert await performer.perform(Segment(ALIAS, 0, (made,))) == (Done(),)
            assert len(server.commands) == 2

    asyncio.run(main())


@pytest.mark.slow
def test_what_is_launched_keeps_its_locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many dialogues came before, what is launched has the locale of the login."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    run = str(tmp_path / "run")
    steps = (
        ClaimRun("site", run),
        PutFile("site", f"{run}/bootstrap.sh", 0o600, Text('echo "$LC_ALL"\n')),
        Launch("site", run, str(tmp_path / "log")),
    )

    async def main() -> None:
        async with local_site(tmp_path) as open_shell, LastingShells(open_shell) as lasting:
            async with lasting.open_shell("site") as shell:
                await ask(shell, [("true",)])
            performer = ShellPerformer(lasting.open_shell, supply())
            outcomes = await performer.perform(Segment("site", 0, steps))
            assert isinstance(outcomes[-1], Done)
            while not (tmp_path / "log").read_text():  # noqa: ASYNC110  another process writes it
                await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(main(), 20))
    assert (tmp_path / "log").read_text() == "C.UTF-8\n"
