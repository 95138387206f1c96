"""Sites: every way to have a shell, behind one face, so that each test runs through all of them."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

from tests.effects.sshd import ALIAS, Server, served
from theseus.core.config.secrets import ConfigSecret
from theseus.core.plan.outcome import Outcome
from theseus.core.plan.shelf import Offer, Shelf
from theseus.core.plan.steps import Segment, Step, Text
from theseus.effects.hosts.asyncssh import AsyncsshConnections
from theseus.effects.hosts.login import close_login
from theseus.effects.hosts.openssh import OpensshConnections
from theseus.effects.hosts.shells import OpenShell, ShellUnavailable
from theseus.effects.hosts.system_ssh import SystemSsh
from theseus.effects.perform.local import local_shell
from theseus.effects.perform.parcel import Parcel, file_parcel
from theseus.effects.perform.shell_performer import ShellPerformer
from theseus.effects.perform.supply import PlanSupply

Value = TypeVar("Value")
OpenSite: TypeAlias = Callable[[Path], AbstractAsyncContextManager[OpenShell]]


@asynccontextmanager
async def local_site(folder: Path) -> AsyncIterator[OpenShell]:
    """This machine."""
    del folder
    yield local_shell


@asynccontextmanager
async def ssh_site(folder: Path) -> AsyncIterator[OpenShell]:
    """A server inside this process."""
    async with (
        served(Server(folder / "server")) as server,
        AsyncsshConnections([server.config]) as connections,
    ):
        yield connections.open_shell


@asynccontextmanager
async def openssh_site(folder: Path) -> AsyncIterator[OpenShell]:
    """The same server, through the system's `ssh`."""
    async with (
        served(Server(folder / "server")) as server,
        openssh_connections(server.config) as connections,
    ):
        yield connections.open_shell


@asynccontextmanager
async def asyncssh_connections(config: str) -> AsyncIterator[AsyncsshConnections]:
    """Connections by asyncssh, as *config* leads."""
    async with AsyncsshConnections([config]) as connections:
        yield connections


@asynccontextmanager
async def openssh_connections(config: str) -> AsyncIterator[OpensshConnections]:
    """Connections by the system's `ssh`, as *config* leads, which are closed in the end."""
    async with OpensshConnections(config) as connections:
        try:
            yield connections
        finally:
            for alias in aliases_in(config):
                with suppress(ShellUnavailable):
                    await close_login(SystemSsh(config), alias, alias)


def aliases_in(config: str) -> list[str]:
    """The hosts that an ssh *config* names."""
    return re.findall(r"^Host (\S+)$", Path(config).read_text(), re.MULTILINE)


Connections: TypeAlias = AsyncsshConnections | OpensshConnections
Connect: TypeAlias = Callable[[str], AbstractAsyncContextManager[Connections]]
TRANSPORTS: dict[str, Connect] = {
    "asyncssh": asyncssh_connections,
    "openssh": openssh_connections,
}
SITES: dict[str, OpenSite] = {"local": local_site, "ssh": ssh_site, "openssh": openssh_site}


def supply(archive: Path | None = None, environment: Mapping[str, str] | None = None) -> PlanSupply:
    """A supply with *archive* as every tree's archive."""

    async def parcel_of(tree: str, _: Offer) -> Parcel:
        assert archive is not None, f"nobody was to ask for {tree}"
        return file_parcel(archive, "gzip")

    def config_secret(reference: ConfigSecret) -> str:
        return f"password of {reference.key}"

    return PlanSupply(b'{"plan": true}', parcel_of, config_secret, environment or {})


def raw(content: bytes) -> Text:
    """*content*, whatever it is, as the text of a step."""
    return Text(content.decode("utf-8", "surrogateescape"))


def performed(
    open_site: OpenSite,
    folder: Path,
    steps: tuple[Step, ...],
    given: PlanSupply | None = None,
    shelf: Shelf | None = None,
) -> tuple[Outcome, ...]:
    """The outcomes of *steps* at a site of its own, on whose *shelf* something may lie."""

    async def use(open_shell: OpenShell) -> tuple[Outcome, ...]:
        performer = ShellPerformer(open_shell, given or supply(), shelf)
        return await performer.perform(Segment(ALIAS, 0, steps))

    return at(open_site, folder, use)


def at(open_site: OpenSite, folder: Path, use: Callable[[OpenShell], Awaitable[Value]]) -> Value:
    """What *use* gives for the shells of a site of its own."""

    async def main() -> Value:
        async with open_site(folder) as open_shell:
            return await use(open_shell)

    return asyncio.run(main())
