"""Shipping trees: what is there already is not sent again, and what arrives is the tree."""

import asyncio
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, evolve, field

from tests.effects.sites import SITES, OpenSite, at, supply
from tests.effects.source_repository import Repository, new_repository, tree_of
from theseus.core.plan.outcome import Done, NothingToSend, Outcome
from theseus.core.plan.shelf import Offer
from theseus.core.plan.steps import EnsureTree, Segment
from theseus.effects.hosts.shells import OpenShell
from theseus.effects.inventory.survey import shelf_of
from theseus.effects.perform.parcel import SMALL, Parcel, SupplyError
from theseus.effects.perform.shell_performer import ShellPerformer
from theseus.effects.perform.shipment import Shipment, make_ready
from theseus.effects.perform.supply import PlanSupply
from theseus.effects.source.archive import plain_commit
from theseus.effects.source.source import committed_tree, dirty_tree
from theseus.runtime.tree import tree_hash

LINES = 20_000


@define
class Sent:
    """What was sent for trees: *forms*, in their order, and their *size* in all."""

    forms: list[str] = field(factory=list)
    size: int = 0

    def count(self, parcel: Parcel) -> Parcel:
        """*parcel*, counted as it is sent."""
        form, *upon = parcel.form.split()
        self.forms.append("pack" if upon else form)
        return Parcel(parcel.form, self._counted(parcel), parcel.size, parcel.done)

    def _counted(self, parcel: Parcel) -> Iterator[bytes]:
        for piece in parcel.pieces:
            self.size += len(piece)
            yield piece


@pytest.fixture(params=list(SITES))
def open_site(request: pytest.FixtureRequest) -> OpenSite:
    """Each way to have a shell."""
    return SITES[request.param]


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """Where trees are kept."""
    (tmp_path / "share" / "trees").mkdir(parents=True)
    return tmp_path / "share"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository that is too large to be sent again for every change, of awkward files."""
    made = new_repository(tmp_path / "project")
    chance = random.Random(1)  # noqa: S311  nothing secret is made of it
    for number in range(8):
        lines = b"".join(b"%s\n" % chance.randbytes(12).hex().encode() for _ in range(LINES))
        made.write(f"part/{number}.txt", lines)
    made.write("dos.txt", b"a\r\nb\r\n")
    made.write("hidden.txt", b"$Id$ $Format:%H$\n")
    made.write("ignored.log", b"tracked all the same\n")
    made.write(".gitattributes", b"* text=auto ident\nhidden.txt export-ignore export-subst\n")
    made.write("run.sh", b"#!/bin/sh\n")
    (made.top / "run.sh").chmod(0o755)
    (made.top / "link").symlink_to("nowhere")
    made.commit()
    made.write(".gitignore", b"*.log\n")
    made.commit()
    return made


def change(repository: Repository, text: bytes = b"one line more\n") -> None:
    """Add a line to a large file, and commit."""
    with (repository.top / "part" / "3.txt").open("ab") as file:
        file.write(text)
    repository.commit()


def shipped(
    open_site: OpenSite, repository: Repository, share: Path, sent: Sent | None = None
) -> tuple[Outcome, str]:
    """What became of sending HEAD to *share*, and its hash."""
    with committed_tree(repository.top, repository.git) as taken:
        tree = taken.unwrap()
        ready = make_ready(tree.store, tree.snapshot.tree).unwrap()
        return performed(open_site, ready, share, sent or Sent()), ready.tree


def performed(open_site: OpenSite, ready: Shipment, share: Path, sent: Sent) -> Outcome:
    """What became of having *ready* at *share*."""

    async def parcel_of(tree: str, offer: Offer) -> Parcel:
        assert tree == ready.tree
        return sent.count(await asyncio.to_thread(ready.parcel, offer))

    async def use(open_shell: OpenShell) -> tuple[Outcome, ...]:
        given = PlanSupply(b"", parcel_of, supply().config_secret)
        step = EnsureTree("site", f"{share}/trees/{ready.tree}.tar.gz", ready.tree)
        shelf = await shelf_of(open_shell, "site", str(share))
        return await ShellPerformer(open_shell, given, shelf).perform(Segment("site", 0, (step,)))

    (outcome,) = at(open_site, share.parent / "site", use)
    return outcome


def kept(share: Path, tree: str) -> Path:
    """The one file at *share* that holds *tree*."""
    (found,) = (share / "trees").glob(f"{tree}*")
    return found


def holds(share: Path, tree: str) -> bool:
    """Whether what is kept unpacks to *tree*."""
    with_suffix = kept(share, tree)
    place = share / f"unpacked-{tree}"
    place.mkdir()
    subprocess.run(["tar", "-xf", str(with_suffix), "-C", str(place)], check=True)
    return tree_hash(place) == tree == tree_of(place)


def test_a_change_moves_kilobytes(open_site: OpenSite, repository: Repository, share: Path) -> None:
    """A line more in four megabytes moves little, and the whole tree is there, byte for byte."""
    sent = Sent()
    assert shipped(open_site, repository, share, sent)[0] == Done("sent")
    assert sent.size > 1_000_000
    change(repository)
    later = Sent()
    outcome, tree = shipped(open_site, repository, share, later)
    assert outcome == Done("sent")
    assert (later.forms, later.size < 2000) == (["pack"], True), later
    assert holds(share, tree)
    assert shipped(open_site, repository, share)[0] == Done("present")


@pytest.mark.skipif(shutil.which("zstd") is None, reason="there is no zstd here")
def test_zstd_where_both_have_it(repository: Repository, share: Path) -> None:
    """The archive goes by zstd where both sides have it, and is kept so."""
    sent = Sent()
    _, tree = shipped(SITES["local"], repository, share, sent)
    assert (sent.forms, kept(share, tree).suffix) == (["zstd"], ".zst")
    assert holds(share, tree)


def tools(folder: Path, *left_out: str) -> str:
    """A PATH without some tools."""
    folder.mkdir()
    for place in ("/usr/bin", "/bin"):
        for program in Path(place).iterdir():
            if program.name not in left_out and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return str(folder)


@pytest.mark.slow
def test_without_zstd_or_git(
    repository: Repository, share: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the far side has neither git nor zstd, every tree goes as a gzipped archive."""
    git = evolve(repository.git, executable=str(shutil.which("git")))
    path = tools(tmp_path / "tools", "git", "zstd")
    sent = Sent()
    for _ in range(2):
        change(repository)
        with monkeypatch.context() as surroundings:
            surroundings.setenv("PATH", path)
            outcome, tree = shipped(SITES["local"], evolve(repository, git=git), share, sent)
        assert outcome == Done("sent")
    assert (sent.forms, kept(share, tree).suffix) == (["gzip", "gzip"], ".gz")
    assert holds(share, tree)


@pytest.mark.parametrize("hindrance", ["no store", "broken store", "damaged archive"])
def test_a_pack_that_cannot_be_used(repository: Repository, share: Path, hindrance: str) -> None:
    """Where a pack cannot be used the archive is asked for at once; the next pack can be used."""
    _, first = shipped(SITES["local"], repository, share)
    change(repository)
    match hindrance:
        case "no store":
            (share / "git").touch()
        case "broken store":
            (share / "git" / "objects").mkdir(parents=True)
            (share / "git" / "config").write_text("nonsense")
        case _:
            kept(share, first).write_bytes(b"nonsense")
    sent = Sent()
    outcome, tree = shipped(SITES["local"], repository, share, sent)
    assert outcome == Done("sent")
    assert [form == "pack" for form in sent.forms] == [True, False]
    assert holds(share, tree)
    assert not list((share / "trees").glob("*.part*"))
    assert not list((share / "git").glob("objects"))
    if hindrance == "no store":
        (share / "git").unlink()
    change(repository)
    later = Sent()
    outcome, tree = shipped(SITES["local"], repository, share, later)
    assert (outcome, later.forms) == (Done("sent"), ["pack"])
    assert holds(share, tree)
    assert not list((share / "git").glob("adopted*"))


def test_a_pack_of_another_tree(repository: Repository, share: Path) -> None:
    """A pack with another tree than the one after which the archive is named is not used."""
    shipped(SITES["local"], repository, share)
    change(repository)
    sent = Sent()
    with committed_tree(repository.top, repository.git) as taken:
        tree = taken.unwrap()
        ready = make_ready(tree.store, tree.snapshot.tree).unwrap()
        other = repository.run("rev-parse", "HEAD~1^{tree}").decode().strip()
        commit = plain_commit(tree.store, other).unwrap()
        performed(SITES["local"], evolve(ready, commit=commit), share, sent)
    assert [form == "pack" for form in sent.forms] == [True, False]


def test_a_month_later(repository: Repository, share: Path) -> None:
    """The objects that are kept for changes are those of a month, not of all time."""
    shipped(SITES["local"], repository, share)
    change(repository)
    shipped(SITES["local"], repository, share)
    packs = share / "git" / "objects" / "pack"
    (packs / "of-old").touch()
    for days, left in ((29, True), (32, False)):
        long_ago = time.time() - days * 24 * 60 * 60
        os.utime(share / "git" / "config", (long_ago, long_ago))
        change(repository)
        sent = Sent()
        outcome, tree = shipped(SITES["local"], repository, share, sent)
        assert (outcome, sent.forms) == (Done("sent"), ["pack"])
        assert holds(share, tree)
        assert (packs / "of-old").exists() == left


def test_small_trees_go_whole(tmp_path: Path, share: Path) -> None:
    """A small tree is one gzipped archive, made before anybody asks for it."""
    small = new_repository(tmp_path / "small")
    small.write("train.py", b"print(1)\n" * (SMALL // 20))
    small.commit()
    sent = Sent()
    _, tree = shipped(SITES["local"], small, share, sent)
    assert sent.forms == ["gzip"]
    assert holds(share, tree)


def test_a_dirty_tree_upon_a_committed_one(repository: Repository, share: Path) -> None:
    """What is not committed goes as a pack upon what was; the user's repository stays as it is."""
    shipped(SITES["local"], repository, share)
    repository.write("part/new.txt", b"new\n")
    objects = sorted((repository.top / ".git" / "objects").rglob("*"))
    sent = Sent()
    with dirty_tree(repository.top, repository.git) as taken:
        tree = taken.unwrap()
        ready = make_ready(tree.store, tree.snapshot.tree).unwrap()
        assert performed(SITES["local"], ready, share, sent) == Done("sent")
    assert (sent.forms, sent.size < 2000) == (["pack"], True)
    assert holds(share, ready.tree)
    assert sorted((repository.top / ".git" / "objects").rglob("*")) == objects


@pytest.mark.slow
def test_many_at_once(repository: Repository, share: Path) -> None:
    """Several submissions of different trees at once all arrive."""
    shipped(SITES["local"], repository, share)
    change(repository)

    async def all_at_once(ready: list[Shipment]) -> list[Outcome]:
        made = [asyncio.to_thread(performed, SITES["local"], each, share, Sent()) for each in ready]
        return await asyncio.gather(*made)

    with committed_tree(repository.top, repository.git) as taken:
        tree = taken.unwrap()
        hashes = [tree.snapshot.tree] * 2
        for number in range(2):
            repository.write("part/0.txt", b"%d\n" % number)
            repository.commit()
            hashes.append(repository.run("rev-parse", "HEAD^{tree}").decode().strip())
        ready = [make_ready(tree.store, each).unwrap() for each in hashes]
        outcomes = asyncio.run(all_at_once(ready))
    assert set(outcomes) == {Done("sent")}
    assert all(holds(share, tree) for tree in set(hashes))


def test_interrupted(repository: Repository, share: Path) -> None:
    """An upload that breaks off leaves nothing behind, and the next one is whole."""

    class Breaking(Sent):
        def _counted(self, parcel: Parcel) -> Iterator[bytes]:
            yield next(parcel.pieces)[:1000]
            raise SupplyError(NothingToSend("it", "is gone"))

    with pytest.raises(SupplyError):
        shipped(SITES["local"], repository, share, Breaking())
    assert not list((share / "trees").iterdir())
    outcome, tree = shipped(SITES["local"], repository, share)
    assert (outcome, holds(share, tree)) == (Done("sent"), True)
