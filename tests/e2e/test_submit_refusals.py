"""What cannot be submitted through ssh is said, with what to do and without a traceback."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.desk import Finished, unchanged
from tests.e2e.far_desk import PLACE, FarDesk, far_desk
from tests.e2e.sshd import Sshd, free_port, trust

pytestmark = pytest.mark.slow


@pytest.fixture
def far(sshd: Sshd, tmp_path: Path) -> Iterator[FarDesk]:
    """A desk with one far host."""
    with far_desk(tmp_path, sshd, next(iter(sshd.users))) as made:
        yield made


def refused(far: FarDesk, *said: str) -> None:
    """Submitting ends with status 4 and says *said* in the trace; nothing is written."""
    finished = unchanged(far.desk, lambda: far.desk.theseus("submit", "demo", "train.yaml"))
    check(finished, 4, *said)
    assert finished.err.startswith("theseus: no host answers\n\nHOST  PARTITION  VERDICT")
    assert "far   -          unreachable  " in finished.err


def check(finished: Finished, status: int, *said: str) -> None:
    """Whether a command ended with *status*, saying *said* in its own words."""
    assert (finished.status, finished.out) == (status, ""), finished.err
    assert "Traceback" not in finished.err
    for part in said:
        assert part in finished.err


def test_nobody_listens(far: FarDesk) -> None:
    """Where no sshd runs, that is said."""
    far.configure_ssh(f"Port {far.server.port}", f"Port {free_port()}")
    said = ("connection refused", f"`ssh -G {far.alias}`")
    refused(far, *said)
    plan = str(far.desk.place / "p.json")
    assert far.desk.theseus("plan", "demo", "train.yaml", "--dry-run", "-o", plan).status == 0
    for words in (("plan", "demo", "train.yaml"), ("apply", plan), ("apply", plan, "--force")):
        check(far.desk.theseus(*words), 4, *said)


def test_no_such_host(far: FarDesk) -> None:
    """A host name that nobody has is told apart from a host that is down."""
    far.configure_ssh("HostName 127.0.0.1", "HostName nobody-has-this.invalid")
    refused(far, "no such host name")


def test_host_key_not_known(far: FarDesk) -> None:
    """A host that was never seen is not trusted; it is said how it comes to be."""
    far.configure_ssh("known_hosts", "known_hosts-of-nobody")
    refused(far, "is not known", f"run `ssh {far.alias}` once", "fingerprint")


def test_host_key_changed(far: FarDesk, tmp_path: Path) -> None:
    """A host key that is another than before stops everything, and is not simply accepted."""
    other = str(tmp_path / "other")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    try:
        trust(far.server, Path(f"{other}.pub"))
        refused(far, "has changed", "ask its administrators", "ssh-keygen -R")
    finally:
        trust(far.server, far.server.folder / "host_key.pub")


def test_permission_denied(far: FarDesk, tmp_path: Path) -> None:
    """A key that is not accepted is said, and how a key is loaded."""
    key = str(tmp_path / "key")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    far.configure_ssh(f"IdentityFile {far.server.folder}/id\n", f"IdentityFile {key}\n")
    refused(far, "Permission denied", "ssh-add")


def test_broken_ssh_config(far: FarDesk) -> None:
    """An ssh config that cannot be read is said."""
    far.configure_ssh(f"Port {far.server.port}", "Port of-call")
    refused(far, "ssh config")


def test_one_host_of_two(far: FarDesk) -> None:
    """A host that does not answer is passed over, never taken for free or empty."""
    config = far.desk.home / ".theseus.yaml"
    text = (
        config.read_text() + "  gone:\n    type: plain\n    cluster: hpc\n    ssh: nobody.invalid\n"
    )
    config.write_text(f"priority: [gone, far]\n{text}")
    finished = far.desk.theseus("plan", "demo", "train.yaml", "--explain")
    assert finished.status == 0, finished.err
    gone, chosen = finished.out.splitlines()[1:]
    assert gone.startswith("gone  -          unreachable  no such host name")
    assert chosen.startswith("far   -          chosen")


@contextmanager
def mounted(folder: Path, owner: str, options: str) -> Iterator[Path]:
    """A small file system of its own in *folder*; only root can have one."""
    if os.geteuid() != 0:
        pytest.skip("a full or read-only file system takes root to mount")
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"{options},mode=0700,uid={owner}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_disk_full(far: FarDesk) -> None:
    """A full disk at the far side ends the submission at the step that met it; nothing starts."""
    far.desk.write("large.bin", os.urandom(600_000))
    far.desk.commit()
    with mounted(far.place, far.user, "size=400k") as place:
        finished = far.desk.theseus("submit", "demo", "train.yaml")
        check(finished, 1, "failed on far", "No space left on device", ".tar.gz")
        assert not list(place.rglob("answer"))
        assert not list(place.rglob("*.tar.gz")), "no half of a file has its name"


def test_read_only_share(far: FarDesk) -> None:
    """A share that cannot be written to is said, with the place."""
    with mounted(far.place, far.user, "ro,size=64k"):
        finished = far.desk.theseus("submit", "demo", "train.yaml")
        check(finished, 1, "step 1 failed on far", "Read-only file system", f"~/{PLACE}/work")


def test_share_of_others(far: FarDesk) -> None:
    """A share that belongs to others is said as well."""
    place = "/proc/nothing-can-be-made-here"
    far.configure(cluster=f"    share: {place}\n")
    finished = far.desk.theseus("submit", "demo", "train.yaml")
    check(finished, 1, "failed on far", place)
