"""clean.sh: what it lists and removes, in real bash on real files."""

import asyncio
import os
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which
from typing import get_args

import pytest
from attrs import frozen

from theseus.core.plan.outcome import HostUnreachable
from theseus.core.runs.clean import Item, Kind, Listing, Policy, Removal, choose
from theseus.core.text.shell import environment_file
from theseus.effects.perform.reach import Way, shells
from theseus.effects.runs import clean
from theseus.effects.runs.clean import list_share, remove_items

pytestmark = pytest.mark.slow

LONG_AGO = 1_000_000_000
MONTH = Policy(30 * 24 * 60, None)
KEY = "proj-0123456789abcdef0123"


@frozen
class Storage:
    """A share and the work directories of its runs."""

    top: Path

    @property
    def share(self) -> Path:
        """Its share."""
        return self.top / "share"

    def file(self, path: str, text: str = "x") -> Path:
        """A file, its directories with it."""
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def run(self, name: str, outcome: str | None = "failed", **variables: str) -> Path:
        """A run that has left its work directory, and its outcome if it has one."""
        paths = {
            "THESEUS_WORK_DIR": f"{self.top}/work/p/g/a name/{name}",
            "THESEUS_RESULTS_DIR": f"{self.top}/root/results/{name}",
            "THESEUS_CHECKPOINT_DIR": f"{self.top}/root/checkpoints/{name}",
            "THESEUS_STATUS_DIR": f"{self.top}/root/status/{name}",
            "THESEUS_DATA_DIR": f"{self.top}/root/data",
            "THESEUS_ARCHIVE": f"{self.share}/trees/{name}.tar.gz",
            "THESEUS_RUNTIME": f"{self.share}/runtimes/r.zip",
        }
        self.file(f"share/runs/{name}/job.env", environment_file({**paths, **variables}, {}))
        self.file(f"share/trees/{name}.tar.gz")
        self.file(f"work/p/g/a name/{name}/left.txt")
        self.file(f"root/results/{name}/result")
        if outcome is not None:
            self.file(f"share/runs/{name}/outcome.json", f'{{"state": "{outcome}"}}')
        return self.share / "runs" / name

    def sweep(self, name: str, *runs: str) -> Path:
        """What a job array of *runs* has left."""
        places = " ".join(f"'{self.share}/runs/{run}'".replace("it's", "it'\\''s") for run in runs)
        return self.file(f"share/sweeps/{name}/runs", f"run_dirs=({places})\n").parent

    def environment(self, key: str = KEY) -> Path:
        """A shared environment, read-only as they are."""
        built = self.share / f"environments/{key}.a.node.12"
        self.file(f"share/environments/{built.name}/bin/python")
        (built / "bin").chmod(0o555)
        link = self.share / "environments" / key
        link.symlink_to(built.name)
        return link

    def age(self) -> None:
        """Let everything be as if it had not been touched for years."""
        for path in (*self.top.rglob("*"), self.top):
            os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)

    def list(self) -> Listing:
        """What clean.sh lists."""

        async def ask() -> Listing | HostUnreachable:
            async with shells({"here": Way(None)}) as open_shell:
                return await list_share(open_shell, "here", str(self.share))

        listed = asyncio.run(ask())
        assert isinstance(listed, Listing), listed
        return listed

    def remove(self, items: tuple[Item, ...]) -> Mapping[str, str | None]:
        """Have clean.sh remove *items*; why each was kept, None if it was not."""

        async def ask() -> tuple[Removal, ...] | HostUnreachable:
            async with shells({"here": Way(None)}) as open_shell:
                return await remove_items(open_shell, "here", str(self.share), items)

        removed = asyncio.run(ask())
        assert isinstance(removed, tuple), removed
        return {f"{each.item.kind} {each.item.name}": each.reason for each in removed}

    def clean(self) -> Mapping[str, str | None]:
        """Remove what was not used for a month."""
        return self.remove(choose(self.list(), MONTH))


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """Storage in a directory with a space and a quote in its name."""
    return Storage(tmp_path / "it's mine")


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `squeue` that is found first; what it does is written to it."""
    program = tmp_path / "bin/squeue"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


def script(program: Path, text: str) -> None:
    """Make *program* a shell script."""
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def test_what_ended_long_ago_goes(storage: Storage) -> None:
    """Sources, environments, run and work directories go; results and all else stay."""
    storage.run("r1")
    storage.environment()
    storage.file("share/runtimes/r.zip")
    storage.file("share/trees/t.tar.gz.part.123.9")
    storage.file("share/environments/proj-x.node.99/half")
    storage.sweep("s1", "gone")
    storage.sweep("s2", "gone", "r1")
    other = storage.file("share/notes.txt")
    storage.age()
    assert storage.clean() == dict.fromkeys(
        [
            "work r1",
            "run r1",
            "tree r1.tar.gz",
            "runtime r.zip",
            "upload t.tar.gz.part.123.9",
            f"environment {KEY}",
            "build proj-x.node.99",
            "sweep s1",
        ]
    )
    (storage.share / "sweeps/s2/sbatch.err").touch()
    assert storage.clean() == {}, "its last run has gone, and it is not of yesterday"
    storage.age()
    assert storage.clean() == {"sweep s2": None}
    assert other.exists()
    assert (storage.top / "root/results/r1/result").exists()
    left = {str(path.relative_to(storage.top)) for path in storage.top.rglob("*") if path.is_file()}
    assert left == {"share/notes.txt", "root/results/r1/result"}


def test_more_than_one_command_removes(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """No work directory stays behind because its run, which says where it is, went before it."""
    monkeypatch.setattr(clean, "BATCH", 10)  # the last of the first is a work directory
    names = [f"r{number}" for number in range(8)]
    for name in names:
        storage.run(name)
        for number in range(50):
            storage.file(f"work/p/g/a name/{name}/{number}")
    storage.age()
    removed = storage.clean()
    assert (
        removed.items()
        >= {f"{kind} {name}": None for kind in ("work", "run") for name in names}.items()
    )
    assert not list((storage.top / "work/p/g/a name").iterdir())


def test_what_is_recent_stays(storage: Storage) -> None:
    """What a run has used lately is not old, whatever its own age."""
    run = storage.run("r1")
    link = storage.environment()
    (run / "environment").symlink_to(link)
    storage.age()
    (run / "outcome.json").touch()
    assert storage.clean() == {}


def test_a_live_process(storage: Storage) -> None:
    """Nothing of a run whose process is alive goes, however long it has been silent."""
    run = storage.run("r1", outcome=None)
    link = storage.environment()
    (run / "environment").symlink_to(link)
    with subprocess.Popen(["sleep", "60"]) as process:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        start = stat.rpartition(")")[2].split()[19]
        storage.file("share/runs/r1/answer", f"{process.pid} {start} {boot}\n")
        storage.age()
        assert storage.clean() == {}
        process.kill()
    assert f"environment {KEY}" in storage.clean()


def test_a_run_of_another_host(storage: Storage) -> None:
    """Where a process cannot be seen, what has changed within a day counts as alive."""
    run = storage.run("r1", outcome=None)
    storage.file("share/runs/r1/answer", "1 2 of-another-boot\n")
    storage.age()
    (run / "stage.out").touch()
    assert {item.live for item in storage.list().items if item.kind == "run"} == {True}
    (run / "stage.out").unlink()
    os.utime(run, (LONG_AGO, LONG_AGO))
    assert "run r1" in storage.clean()


@pytest.mark.parametrize("outcome", [None, "preempted"])
def test_a_job_that_waits(storage: Storage, squeue: Path, outcome: str | None) -> None:
    """A run that SLURM has a job for is live, though it has lain there for years."""
    storage.run("r1", outcome=outcome)
    storage.file("share/runs/r1/answer", "slurm 7\n")
    script(squeue, "echo 7 theseus:r1")
    storage.age()
    assert storage.clean() == {}


@pytest.mark.parametrize(("said", "lives"), [("7_1 theseus:s-1", True), ("7_0 theseus:s-1", False)])
def test_a_job_of_an_array(storage: Storage, squeue: Path, said: str, *, lives: bool) -> None:
    """A run that waits in an array is known by its own number: the comment is that of them all."""
    storage.run("r1", outcome=None)
    storage.file("share/runs/r1/answer", "slurm 7_1\n")
    script(squeue, f"echo '{said}'")
    storage.age()
    assert ("run r1" not in storage.clean()) == lives


def test_a_job_of_an_array_whose_answer_was_lost(storage: Storage, squeue: Path) -> None:
    """A run without an answer lives while its array has a job."""
    run = storage.run("r1", outcome=None)
    storage.file("share/sweeps/s-1/runs", f"run_dirs=(\n'{run}'\n)\n")
    storage.age()
    script(squeue, "echo 7_0 theseus:s-1")
    assert storage.clean() == {}
    script(squeue, "echo 7_0 theseus:s-2")
    assert "run r1" in storage.clean()


def test_a_job_that_slurm_has_forgotten(storage: Storage, squeue: Path) -> None:
    """A run without a job goes, but not because SLURM could not be asked."""
    storage.run("r1", outcome=None)
    storage.file("share/runs/r1/answer", "slurm 7\n")
    storage.age()
    script(squeue, "exit 1")
    assert storage.clean() == {}
    script(squeue, "echo 8 theseus:other; echo 9 something")
    assert "run r1" in storage.clean()


def test_what_was_used_after_it_was_listed(storage: Storage) -> None:
    """What a run has taken up in the meantime is left where it was."""
    run = storage.run("r1")
    link = storage.environment()
    storage.age()
    chosen = choose(storage.list(), MONTH)
    later = storage.run("r2", outcome=None)
    (later / "environment").symlink_to(link)
    (storage.share / "trees/r1.tar.gz").touch()
    (run / "outcome.json").touch()
    kept = storage.remove(chosen)
    assert set(kept.values()) == {"it has been used since"}
    assert (link / "bin/python").exists()
    assert (storage.share / "trees/r1.tar.gz").exists()
    assert list(storage.share.rglob("*.removing")) == []


def test_what_is_used_is_not_even_moved(storage: Storage, squeue: Path) -> None:
    """A run that starts while others are removed finds its archive where it was, all the time."""
    storage.run("r1")
    storage.file("share/trees/t.tar.gz")
    storage.age()
    chosen = choose(storage.list(), MONTH)
    (storage.share / "trees/r1.tar.gz").touch()
    script(squeue.with_name("mv"), f'echo "$@" >>"{squeue}.mv"; exec {which("mv")} "$@"')
    kept = storage.remove(chosen)
    assert (kept["tree r1.tar.gz"], kept["tree t.tar.gz"]) == ("it has been used since", None)
    moves = Path(f"{squeue}.mv").read_text()
    assert "t.tar.gz" in moves
    assert "r1.tar.gz" not in moves


def test_two_cleaners(storage: Storage, squeue: Path) -> None:
    """What one has put aside, and may put back, is no remnant to the other."""
    storage.run("r1")
    storage.age()
    others = list[tuple[Item, ...]]()
    chosen = choose(storage.list(), MONTH)
    later = storage.run("r2", outcome=None)
    (later / "job.env").write_text((storage.share / "runs/r1/job.env").read_text())
    # whoever removes asks with it what runs use: here the first who does waits for the other
    asks, asked = squeue.with_name("readlink"), squeue.with_name("asked")
    wait = f'mkdir "{asked}" 2>/dev/null && until [ -e "{asked}/go" ]; do sleep 0.05; done'
    script(asks, f'{wait}; exec {which("readlink")} "$@"')

    def other() -> None:
        while not asked.exists():
            time.sleep(0.02)
        assert list(storage.share.rglob("*.removing"))
        others.append(choose(storage.list(), MONTH))
        (asked / "go").touch()

    with ThreadPoolExecutor(1) as second:
        done = second.submit(other)
        kept = storage.remove(tuple(item for item in chosen if item.kind == "tree"))
        done.result()
    assert {item.kind for items in others for item in items} == {"run", "work"}
    assert kept == {"tree r1.tar.gz": "it has been used since"}
    assert (storage.share / "trees/r1.tar.gz").exists()


def test_a_remnant_that_somebody_is_at(storage: Storage) -> None:
    """What was put aside anew since it was listed is left to who did so."""
    left = storage.file("share/trees/t.tar.gz.removing")
    storage.age()
    chosen = choose(storage.list(), MONTH)
    left.touch()
    assert storage.remove(chosen) == {"rest t.tar.gz.removing": "it has been used since"}
    assert left.exists()


def test_results_in_the_work_directory(storage: Storage) -> None:
    """A work directory in which results lie, or that lies in them, is never removed."""
    for name, results in (("r1", "work/p/g/a name/r1/out"), ("r2", "work/p/g")):
        storage.run(name, THESEUS_RESULTS_DIR=f"{storage.top}/{results}")
    storage.age()
    assert {item.kind for item in storage.list().items} == {"run", "tree"}


def test_a_removal_that_was_cut_short(storage: Storage) -> None:
    """What was put aside to be removed is removed another time."""
    storage.file("share/trees/t.tar.gz.removing")
    storage.age()
    assert storage.clean() == {"rest t.tar.gz.removing": None}


def test_names_that_are_none(storage: Storage) -> None:
    """A name that leads elsewhere removes nothing."""
    target = storage.file("keep/me")
    storage.run("r1")
    items = tuple(
        Item(kind, name, "", 0, 0, live=False)
        for name in ("../../keep", "..", ".", "")
        for kind in get_args(Kind)
    )
    assert set(storage.remove(items).values()) == {"it could not be removed"}
    assert target.exists()


def test_many_at_once(storage: Storage) -> None:
    """More items than one command may have words are removed in several."""
    for number in range(600):
        storage.file(f"share/trees/{number}.tar.gz")
    storage.age()
    assert len(storage.clean()) == 600
    assert list((storage.share / "trees").iterdir()) == []


def test_an_empty_share(storage: Storage) -> None:
    """Where nothing was ever sent there is nothing to remove."""
    assert storage.list().items == ()
    assert storage.clean() == {}
