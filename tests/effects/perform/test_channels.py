"""Channels: a large parcel arrives whole, in whatever way each of its pieces came."""

import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.effects.sites import SITES, OpenSite, at, supply
from tests.effects.sshd import ALIAS
from theseus.core.plan.outcome import Done, HostUnreachable, Outcome
from theseus.core.plan.shelf import Shelf
from theseus.core.plan.steps import EnsureTree, MakeDir, Segment, Step
from theseus.core.text.shell import path_word
from theseus.effects.hosts.shells import OpenShell, Shell, ShellUnavailable
from theseus.effects.perform.channels import Width
from theseus.effects.perform.package import packaged_content
from theseus.effects.perform.parcel import PIECE
from theseus.effects.perform.shell_performer import ShellPerformer

SIZE = 5 * PIECE + 17
FAR = Width(channels=3, large=PIECE, far=0.0)


@pytest.fixture(params=list(SITES))
def open_site(request: pytest.FixtureRequest) -> OpenSite:
    """Each way to have a shell."""
    return SITES[request.param]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of several pieces."""
    file = tmp_path / "archive"
    file.write_bytes(os.urandom(SIZE))
    return file


class Opened:
    """Opens shells by *open_shell*, of which it counts those at once; no more than *most* ever."""

    def __init__(self, open_shell: OpenShell, most: int) -> None:
        self._open_shell, self._left = open_shell, most
        self.at_once = self.most_at_once = 0

    @asynccontextmanager
    async def open_shell(self, host: str) -> AsyncIterator[Shell]:
        """Open one."""
        if not self._left:
            raise ShellUnavailable(HostUnreachable(host, "it is full", "wait"))
        self._left -= 1
        async with self._open_shell(host) as shell:
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            yield shell
            self.at_once -= 1


def sent(
    open_site: OpenSite, place: Path, archive: Path, width: Width = FAR, most: int = 99
) -> tuple[tuple[Outcome, ...], int]:
    """What became of having *archive* at *place*, and the most shells there were at once."""
    steps: tuple[Step, ...] = (
        MakeDir(ALIAS, str(place), 0o700),
        EnsureTree(ALIAS, str(place / "tree.tar.gz"), "abc"),
    )

    async def use(open_shell: OpenShell) -> tuple[tuple[Outcome, ...], int]:
        opened = Opened(open_shell, most)
        performer = ShellPerformer(opened.open_shell, supply(archive), Shelf(), width)
        return await performer.perform(Segment(ALIAS, 0, steps)), opened.most_at_once

    return at(open_site, place.parent / "site", use)


def test_far(open_site: OpenSite, archive: Path) -> None:
    """To a host that is far the pieces go by several channels, and nothing of them stays there."""
    place = archive.parent / "it's far"
    outcomes, at_once = sent(open_site, place, archive)
    assert outcomes == (Done(), Done("sent"))
    assert at_once == 1 + FAR.channels
    assert [file.name for file in place.iterdir()] == ["tree.tar.gz"]
    assert (place / "tree.tar.gz").read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("width", [Width(3, SIZE + 1, 0.0), Width(3, PIECE, 60.0)])
def test_small_or_near(archive: Path, width: Width) -> None:
    """What is small, or goes to a host that is near, goes by the dialogue."""
    place = archive.parent / "near"
    outcomes, at_once = sent(SITES["local"], place, archive, width)
    assert outcomes == (Done(), Done("sent"))
    assert at_once <= 2
    assert (place / "tree.tar.gz").read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("most", [1, 2, 4])
def test_no_more_shells(archive: Path, most: int) -> None:
    """Pieces for which no further shell is to be had go by the dialogue, in their order."""
    place = archive.parent / "full"
    outcomes, _ = sent(SITES["local"], place, archive, most=most)
    assert outcomes == (Done(), Done("sent"))
    assert [file.name for file in place.iterdir()] == ["tree.tar.gz"]
    assert (place / "tree.tar.gz").read_bytes() == archive.read_bytes()


def test_a_piece_that_is_gone(tmp_path: Path) -> None:
    """Where a piece that came aside is lost nothing is made, and what follows is no command."""
    script = packaged_content("perform.sh").decode()
    obtain = f"{{ run 0 obtain 0 0600 {path_word(str(tmp_path / 'made'))} ask; }}\n"
    content = "gzip\n5\ntouch@lost\n3\nabc0\n8 0000\n"
    later = f"{{ run 1 mkdir -p -m 0700 -- {path_word(str(tmp_path / 'later'))}; }}\n"
    said = subprocess.run(
        ["bash", "-s"],
        input=f"token=t\n{script}{obtain}{content}{later}",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "\nt 0 1 0\n" in said.stdout
    assert "\nt 1 skipped 0\n" in said.stdout
    assert "command not found" not in said.stderr
    assert list(tmp_path.iterdir()) == []
