"""What can go wrong with storage, and trees that are hard to unpack: real bootstraps."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runtime.host import Site, Source
from tests.runtime.projects import packaged, virtual

pytestmark = pytest.mark.slow


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A file system of its own at *folder*, empty and as *options* have it."""
    if os.geteuid() != 0:
        pytest.skip("a full or read-only file system takes root to mount")
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_work_directory(site: Site) -> None:
    """A source that does not fit fails the unpack stage, with the reason, and leaves nothing."""
    site.lay(Source(files={"big.bin": os.urandom(200_000)}))
    with mounted(site.home / "scratch", "size=64k"):
        assert site.run() == 1
        assert site.outcome["stage"] == "unpack"
        # as tar says it
        assert re.search("Wrote only|No space left on device", site.outcome["message"])
        assert "if the disk is full, make room" in site.outcome["message"]
        assert [path for path in (site.home / "scratch").rglob("*") if path.is_file()] == []


def test_a_disk_that_fills_while_an_environment_is_built(site: Site) -> None:
    """The end says so; what was built is removed, and the next run begins anew."""
    site.lay(Source(files=packaged("x")))
    with mounted(site.home / "share/environments", "size=16k"):
        assert site.run() != 0
        assert site.outcome["stage"] == "environment"
        assert "No space left on device" in site.outcome["message"]
        left = {path.suffix for path in (site.home / "share/environments").iterdir()}
        assert left <= {".lock"}
    assert site.another("r2", Source(files=packaged("x"), command=("tiny",))).run() == 0


def test_a_read_only_root(site: Site) -> None:
    """A run whose results could not be kept does not start, and its end names the place."""
    site.lay(Source(command=("bash", "-c", "echo started")))
    with mounted(site.home / "store", "ro"):
        assert site.run() == 1
        assert site.outcome["state"] == "failed"
        assert f"{site.home}/store/" in site.outcome["message"]
        assert "Read-only file system" in site.outcome["message"]
    assert "started" not in site.log.splitlines()
    assert site.metadata["state"] == "failed"


def test_a_root_that_is_missing(site: Site) -> None:
    """What is not there is made, for others as open as the user's own files are."""
    site.lay(Source(setup="umask 027\n", command=("true",)))
    site.environment["LC_ALL"] = "C"
    assert site.run() == 0
    for name in ("data", "checkpoints", "results"):
        assert (site.home / "store" / name).stat().st_mode & 0o777 in {0o750, 0o755}
    assert (site.status_dir / "metadata.json").exists()


def test_two_runs_unpack_the_same_tree(site: Site) -> None:
    """Runs of one archive that start together do not disturb one another."""
    source = Source(files={f"{n}.txt": f"{n}" for n in range(300)}, command=("test", "-f", "7.txt"))
    site.lay(source)
    others = [site.another(f"r{number}", source) for number in (2, 3)]
    for other in others:
        env = (other.run_dir / "job.env").read_text()
        (other.run_dir / "job.env").write_text(env.replace(f"{other.archive}", f"{site.archive}"))
    started = [each.start() for each in (site, *others)]
    assert [process.wait(timeout=60) for process in started] == [0, 0, 0]


def test_an_archive_cut_short(site: Site) -> None:
    """What an interrupted upload would leave is never run."""
    site.lay(Source(files={"big.bin": os.urandom(100_000), "train.sh": "echo started\n"}))
    site.archive.write_bytes(site.archive.read_bytes()[:50_000])
    assert site.run() == 1
    assert site.outcome["stage"] == "unpack"
    assert "delete it and submit again" in site.outcome["message"]
    assert not site.work_dir.exists()


ODD = (
    b"a b/'q' \"d\".txt",
    b"line\nbreak",
    b"caf\xe9-latin1",
    b"-rf",
    b"~/x",
    b"tab\there",
    b"$(x)",
)


def test_a_large_and_odd_tree(site: Site) -> None:
    """Ten thousand files, whatever they are called, arrive as git has them."""
    repository = site.home / "repositories/r1"
    for number in range(10_000):
        (repository / f"d{number // 100}").mkdir(parents=True, exist_ok=True)
        (repository / f"d{number // 100}/{number}").write_bytes(b"%d" % number)
    for name in ODD:
        path = os.path.join(os.fsencode(repository), name)  # noqa: PTH118  a Path holds no bytes
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120  it takes the bytes of a path, which a Path does not
        Path(os.fsdecode(path)).write_bytes(b"odd")
    (repository / "link").symlink_to("d0/1")
    (repository / "dangling").symlink_to("/nowhere at all")
    (repository / "tool").write_text("#!/bin/sh\necho the tool runs\n")
    (repository / "tool").chmod(0o755)
    script = "./tool; cat link; echo; test -L dangling; find . -type f | wc -l; ls -b"
    site.lay(Source(files={"x": ""}, command=("bash", "-ec", script)))
    assert site.run() == 0, site.log
    assert "the tool runs\n1\n" in site.log
    # two more, and a name of two lines
    assert f"\n{10_000 + len(ODD) + 3}\n" in site.log
    for shown in ("line\\nbreak", "caf\\351-latin1", "tab\\there", "$(x)", "-rf"):
        assert shown in site.log


def test_a_clock_that_is_wrong(site: Site) -> None:
    """A source from the future runs, and its environment is taken for what it is."""
    site.lay(Source(files=virtual(), command=("true",)))
    future = (2_500_000_000, 2_500_000_000)
    os.utime(site.archive, future)
    assert site.run() == 0, site.log
    for path in (site.home / "share/environments").iterdir():
        os.utime(path, future, follow_symlinks=False)
    assert site.another("r2", Source(files=virtual(), command=("true",))).run() == 0
    assert site.log.count("building the environment") == 1
