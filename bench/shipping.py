"""Shipping: a tree over SSH to a sshd on this machine, through the dialogue that hosts hold.

Beside `git archive HEAD | zstd | ssh host 'cat >file'`. Taking the source, connecting (the system's
ssh is connected already) and what the far side does with it all count, as they do by hand.
"""

import asyncio
import shutil
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve, field, frozen

from bench.link import Traffic, linked
from bench.measure import Row, Timing, compared, in_turns, process, seconds, shown, timed, within
from bench.sources import Size, change_one_line, make_repository
from tests.e2e.sshd import Sshd, running_sshd
from tests.effects.sites import Connections
from theseus.core.config.secrets import ConfigSecret
from theseus.core.plan.outcome import Done
from theseus.core.plan.shelf import Offer
from theseus.core.plan.steps import EnsureTree, MakeDir, Segment
from theseus.effects.hosts.asyncssh import AsyncsshConnections
from theseus.effects.hosts.lasting import LastingShells
from theseus.effects.hosts.login import close_login
from theseus.effects.hosts.openssh import OpensshConnections
from theseus.effects.hosts.system_ssh import SystemSsh
from theseus.effects.inventory.survey import shelf_of
from theseus.effects.perform.parcel import Parcel
from theseus.effects.perform.shell_performer import ShellPerformer
from theseus.effects.perform.shipment import Shipment, make_ready
from theseus.effects.perform.supply import PlanSupply
from theseus.effects.source.source import committed_tree

RATE = 0.8  # the least part of the rate by hand
WIRE = 64.0  # the most kilobytes that go where the tree is there, or all but a line of it
FAR = 0.1  # seconds there and back
ALIAS, PLACE = "thx-bash", "theseus-bench"
FAR_SHARES = count()


def _new_share() -> str:
    return f"~/{PLACE}/share{next(FAR_SHARES)}"


@frozen
class Way:
    """The way from the repository at *top* to the *share* of *server*, by an ssh *config*."""

    top: Path
    server: Sshd
    config: str
    share: str = field(factory=_new_share)

    def ship(self, transport: str, expected: str) -> None:
        """Ship HEAD, which must have become of it what is *expected*."""
        with committed_tree(self.top) as taken:
            tree = taken.unwrap()
            ready = make_ready(tree.store, tree.snapshot.tree).unwrap()
            asyncio.run(self._sent(ready, transport, expected))

    async def _sent(self, ready: Shipment, transport: str, expected: str) -> None:
        async def parcel_of(_: str, offer: Offer) -> Parcel:
            return await asyncio.to_thread(ready.parcel, offer)

        steps = (
            MakeDir(ALIAS, f"{self.share}/trees", 0o700),
            EnsureTree(ALIAS, f"{self.share}/trees/{ready.tree}.tar.gz", ready.tree),
        )
        supply = PlanSupply(b"", parcel_of, _no_secret)
        async with (
            connections_by(transport, self.config) as connections,
            LastingShells(connections.open_shell) as lasting,
        ):
            shelf = await shelf_of(lasting.open_shell, ALIAS, self.share)
            performer = ShellPerformer(lasting.open_shell, supply, shelf)
            outcomes = await performer.perform(Segment(ALIAS, 0, steps))
        if outcomes[1] != Done(expected):
            raise AssertionError(f"shipped to {self.share}: {outcomes}")

    def first(self, transport: str) -> Timing:
        """Shipping to where nothing is yet."""

        def ship() -> None:
            evolve(self, share=_new_share()).ship(transport, "sent")

        return timed(ship, self.clear)

    def by_hand(self) -> Timing:
        """The pipeline."""
        ssh = f"ssh -F {self.config} {ALIAS} 'cat >by-hand'"
        return timed(process(["sh", "-c", f"git archive HEAD | zstd -qc | {ssh}"], self.top))

    def clear(self) -> None:
        """Remove all there is on the far side."""
        place = self.server.home("bash") / PLACE
        shutil.rmtree(place, ignore_errors=True)  # before the first round nothing is there


def rows(goes: int, size: Size) -> Iterator[Row]:
    """The rows of a repository of *size*."""
    with TemporaryDirectory() as near, TemporaryDirectory() as far:
        top = Path(near) / "project"
        make_repository(top, size)
        with running_sshd(Path(far)) as server:
            way = Way(top, server, server.config)
            try:
                yield from _first_rows(goes, size, way)
                yield from _far_rows(goes, size, way)
                yield from _later_rows(size, way)
            finally:
                asyncio.run(close_login(SystemSsh(server.config), ALIAS, ALIAS))
                way.clear()


def _first_rows(goes: int, size: Size, way: Way) -> Iterator[Row]:
    way.first("openssh")()  # a connection stands from here on
    transports = ("asyncssh", "openssh")
    by_hand, *taken = in_turns(goes, way.by_hand(), *(way.first(each) for each in transports))
    for transport, times in zip(transports, taken, strict=True):
        what = f"ship {size}, first time, {transport}"
        yield compared(what, times, ("`git archive \\| zstd \\| ssh`", by_hand), 1 / RATE)


def _far_rows(goes: int, size: Size, way: Way) -> Iterator[Row]:
    """Over a link of 100 ms, where what one channel carries is limited."""
    with linked(way.server.port, FAR) as link:
        over = evolve(way, config=_over(way.server, link.port))
        by_hand, taken = in_turns(goes, over.by_hand(), over.first("asyncssh"))
        what = f"ship {size}, first time, asyncssh, {FAR * 1000:.0f} ms"
        yield compared(what, taken, ("`git archive \\| zstd \\| ssh`", by_hand), 1 / RATE)


def _later_rows(size: Size, way: Way) -> Iterator[Row]:
    """Over a link that counts, by which time is a little longer."""
    way.ship("asyncssh", "sent")
    with linked(way.server.port, 0) as link:
        over = evolve(way, config=_over(way.server, link.port))
        for name, expected in (
            ("unchanged", "present"),
            ("one line", "sent"),
            ("one more", "sent"),
        ):
            if expected == "sent":
                change_one_line(way.top, name)
            link.traffic = Traffic()
            taken = seconds(partial(over.ship, "asyncssh", expected))
            what = f"ship {size}, {name}, in {shown(taken)}"
            yield within(what, link.traffic.sent / 1000, WIRE, "kB sent")


def _over(server: Sshd, port: int) -> str:
    """The ssh config that leads to *server* over the *port* of a link."""
    old, new = str(server.port), str(port)
    for name in ("config", "known_hosts"):
        text = (server.folder / name).read_text().replace(old, new)
        (server.folder / f"{name}.link").write_text(
            text.replace("/known_hosts", "/known_hosts.link")
        )
    return f"{server.config}.link"


def connections_by(transport: str, config: str) -> Connections:
    """Connections by *transport*, as the ssh *config* leads."""
    return OpensshConnections(config) if transport == "openssh" else AsyncsshConnections([config])


def _no_secret(reference: ConfigSecret) -> str:
    raise AssertionError(f"no secret is shipped: {reference}")
