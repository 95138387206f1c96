"""Sharing a mount: who holds it, who may not, and which juicefs is used; juicefs is a stand-in."""

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.runtime.host import ROOT, Site, Source, until
from theseus.runtime import mount
from theseus.runtime.holders import Holders, HoldersError, Process, directory_of, locked, process_of
from theseus.runtime.juicefs import KIND, JuicefsError, last_words, program_on_path, refusal
from theseus.runtime.mount_table import Mounted, mount_point, mounted_at
from theseus.runtime.pinned_juicefs import pinned_juicefs

PROGRAM = b"#!/bin/sh\necho pinned\n"
URL = "redis://meta:6379/1"


@pytest.fixture
def point(tmp_path: Path) -> Iterator[str]:
    """A place to mount at; nothing is counted for it any more in the end."""
    yield str(tmp_path / "root")
    assert not directory_of(str(tmp_path / "root")).exists()


def hold(point: str, *processes: Process) -> None:
    """Have *processes* hold the mount at *point*."""
    with locked(point) as holders:
        holders.holders = list(processes)
        holders.save()


def held(point: str) -> Holders:
    """Who holds the mount at *point*."""
    with locked(point) as holders:
        return holders


def test_dead_processes_hold_nothing(point: str) -> None:
    """A holder that was killed counts no more, nor does a later process with its number."""
    own = process_of(os.getpid())
    with subprocess.Popen(["sleep", "60"]) as other:
        hold(point, own, process_of(other.pid), Process(os.getpid(), "1"))
        assert held(point).holders == [own, process_of(other.pid)]
        other.kill()
    assert held(point).holders == [own]
    with pytest.raises(ProcessLookupError):
        process_of(other.pid)
    hold(point)


def test_zombie_holds_nothing(point: str) -> None:
    """A process that has ended and was not waited for is dead."""
    with subprocess.Popen(["sleep", "60"]) as other:
        hold(point, process_of(other.pid))
        other.kill()
        until(lambda: held(point).holders == [])
        hold(point)


def test_damaged_file(point: str) -> None:
    """A file that was cut short, as a full disk does, counts as nobody."""
    hold(point, process_of(os.getpid()))
    (directory_of(point) / "holders.json").write_text('{"holders": [')
    assert held(point).holders == []
    hold(point)


def test_turns(point: str) -> None:
    """Of many runs that begin at once each is counted: they take turns."""
    code = (
        "import os, sys, time; from theseus.runtime.holders import locked, process_of\n"
        "with locked(sys.argv[1]) as holders:\n"
        "    time.sleep(0.05); holders.holders.append(process_of(os.getpid())); holders.save()\n"
        "sys.stdin.read()"
    )
    argv = [sys.executable, "-c", code, point]
    runs = [subprocess.Popen(argv, stdin=subprocess.PIPE) for _ in range(5)]
    until(lambda: len(held(point).holders) == len(runs))
    for run in runs:
        run.communicate()
    assert held(point).holders == []
    hold(point)


def test_directory_of_others(point: str) -> None:
    """A directory for the counting that others can write to, or a link, is not trusted."""
    directory = directory_of(point)
    directory.mkdir()
    directory.chmod(0o777)
    with pytest.raises(HoldersError, match=f"{directory} is not a directory of yours alone"):
        held(point)
    directory.rmdir()
    directory.symlink_to("/tmp")
    with pytest.raises(HoldersError):
        held(point)
    directory.unlink()


def test_table(tmp_path: Path) -> None:
    """The table of mounts is read as it is written; a path is what it leads to."""
    assert mounted_at("/proc") is not None
    assert mounted_at(str(tmp_path)) is None
    (tmp_path / "link").symlink_to(tmp_path / "not there")
    assert mount_point(str(tmp_path / "link")) == str((tmp_path / "not there").resolve())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("x <FATAL>: WRONGPASS invalid username-password pair [main@main.go:31]", "password"),
        ("x <FATAL>: NOAUTH Authentication required. [main@main.go:31]", "password"),
        ("x <FATAL>: database is not formatted, please run", "juicefs format"),
        ("r: 2026 pool.go:617: failed to dial after 5 attempts: dial tcp: refused", "not answer"),
        ('x <FATAL>: fuse: exec: "/bin/fusermount": no such file', "have fuse3 installed"),
        ("x <FATAL>: object storage is read-only", "object storage is read-only"),
        ("", "it said nothing"),
    ],
)
def test_refusals(tmp_path: Path, said: str, reason: str) -> None:
    """What juicefs complains of is said in words that tell what to do."""
    log = tmp_path / "log"
    log.write_text(f"x <INFO>: Meta address: redis://meta\n{said}\n" if said else "")
    assert reason in refusal(URL, log)


def test_last_words(tmp_path: Path) -> None:
    """Of the log the last error counts, without what a logger puts around it."""
    log = tmp_path / "log"
    log.write_text(
        "2026/11/24 17:24:18.06 juicefs[1] <FATAL>: gone [main@main.go:31]\nx <INFO>: a\n"
    )
    assert last_words(log) == "gone"
    assert last_words(tmp_path / "missing") == "it said nothing"


def test_program_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is looked for on PATH, then where users install programs."""
    monkeypatch.setenv("HOME", str(tmp_path))
    empty = {"PATH": str(tmp_path)}
    with pytest.raises(JuicefsError, match="there is no juicefs on this node"):
        program_on_path(empty)
    program = tmp_path / ".local/bin/juicefs"
    program.parent.mkdir(parents=True)
    program.write_bytes(PROGRAM)
    program.chmod(0o755)
    assert program_on_path(empty) == str(program)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """A server of the files in `mirror`: a program, and archives with one and without."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "juicefs").write_bytes(PROGRAM)
    for name in ("juicefs", "README.md"):
        with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as archive:
            member = tarfile.TarInfo(name)
            member.size = len(PROGRAM)
            archive.addfile(member, io.BytesIO(PROGRAM))
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def pin(tmp_path: Path, mirror: str, name: str) -> dict[str, str]:
    """An environment that pins a file of *mirror*."""
    return {
        "THESEUS_JUICEFS_URL": f"{mirror}/{name}",
        "THESEUS_JUICEFS_SHA256": hashlib.sha256(
            (tmp_path / "mirror" / name).read_bytes()
        ).hexdigest(),
        "THESEUS_TOOLS": str(tmp_path / "tools"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["juicefs", "juicefs.tar.gz"])
def test_pinned(tmp_path: Path, mirror: str, name: str) -> None:
    """A pinned juicefs is fetched once, bare or out of an archive, and can be run."""
    environment = pin(tmp_path, mirror, name)
    program = pinned_juicefs(environment)
    assert program is not None
    assert subprocess.run([program], stdout=subprocess.PIPE, check=True).stdout == b"pinned\n"
    (tmp_path / "mirror" / name).unlink()
    assert pinned_juicefs(environment) == program
    assert pinned_juicefs({}) is None


@pytest.mark.slow
def test_pinned_in_vain(tmp_path: Path, mirror: str) -> None:
    """Other bytes, an archive without juicefs, a file that is gone: nothing of them is kept."""
    wrong = {**pin(tmp_path, mirror, "juicefs"), "THESEUS_JUICEFS_SHA256": "0" * 64}
    with pytest.raises(JuicefsError, match=r"has the sha256 [0-9a-f]{64}, not the one"):
        pinned_juicefs(wrong)
    with pytest.raises(JuicefsError, match="no `juicefs` in the archive"):
        pinned_juicefs(pin(tmp_path, mirror, "README.md.tar.gz"))
    gone = {**pin(tmp_path, mirror, "juicefs"), "THESEUS_JUICEFS_URL": f"{mirror}/gone"}
    with pytest.raises(JuicefsError, match="404"):
        pinned_juicefs(gone)
    assert [path.name for path in (tmp_path / "tools").iterdir()] == ["lock"]


def mounting(site: Site) -> Source:
    """A run on *site* whose cluster has a mount."""
    root = str(site.home / "store")
    return Source(variables={"THESEUS_MOUNT": URL, "THESEUS_MOUNT_POINT": root})


@pytest.mark.slow
def test_juicefs_that_fails(site: Site) -> None:
    """What juicefs says is in the outcome, and nobody is counted."""
    site.tool("juicefs", "#!/bin/sh\necho 'x <FATAL>: the volume is on fire' >&2\nexit 1\n")
    site.lay(mounting(site))
    site.status_dir.mkdir()
    assert site.run() == 1
    assert re.search(r"did not mount redis://meta:6379/1 \(.*on fire\)", site.outcome["message"])
    assert site.metadata["state"] == "failed", "`status` is not below the root here"
    assert not directory_of(str(site.home / "store")).exists()


@pytest.mark.slow
def test_told_to_stop_while_mounting(site: Site) -> None:
    """A run that is told to stop while juicefs hangs ends it, and is preempted."""
    site.tool("juicefs", f"#!/bin/sh\necho $$ >'{site.home.parent}/pid'\nexec sleep 60\n")
    site.lay(mounting(site))
    process = site.start()
    until((site.home.parent / "pid").exists)
    until(lambda: (site.home.parent / "pid").read_text().endswith("\n"))
    process.terminate()
    assert process.wait(timeout=60) == 143
    pid = (site.home.parent / "pid").read_text().strip()
    assert not Path("/proc", pid).exists()
    assert site.outcome["state"] == "preempted"


def test_mount_of_another_user(tmp_path: Path) -> None:
    """A mount that only its user can see is theirs: it is said whose, and not touched."""
    with pytest.raises(JuicefsError, match="mounted by user 4711, and a mount is its user's alone"):
        mount._clear(str(tmp_path), Mounted(KIND, "JuiceFS:v", 4711), "Permission denied")


@pytest.mark.slow
def test_node_without_fuse(tmp_path: Path, point: str) -> None:
    """Where there is no /dev/fuse it is said, before anything is made or started."""
    unshare = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /dev && exec "$@"', "sh")
    if subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("a namespace of mounts takes root and its capabilities")
    enter = (sys.executable, "-m", "theseus.runtime.mount", "enter", str(os.getpid()))
    variables = {"THESEUS_MOUNT": URL, "THESEUS_MOUNT_POINT": point}
    done = subprocess.run(
        [*unshare, *enter],
        env={**os.environ, **variables, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "there is no /dev/fuse on this node" in done.stdout
    assert not Path(point).exists()


@pytest.mark.slow
def test_mount_of_another_kind(site: Site) -> None:
    """A root where something else is mounted is refused."""
    site.tool("juicefs", "#!/bin/sh\nexit 1\n")
    root = site.home / "store"
    root.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", root], check=False).returncode:
        pytest.skip("mounting takes root and its capabilities")
    try:
        site.lay(mounting(site))
        assert site.run() == 1
        assert "is a mount of tmpfs (tmpfs), not of JuiceFS" in site.outcome["message"]
    finally:
        subprocess.run(["umount", root], check=True)
