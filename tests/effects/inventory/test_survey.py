"""Surveys: hosts asked at the same time, each under a deadline, none mistaken for free or empty."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from attrs import evolve

from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import ClusterConfig, DispatchConfig, PlainHost
from theseus.core.inventory.inventory import Inventory, PlainSnapshot, Unreachable
from theseus.core.plan.inquiry import inquiry_of, worth_asking
from theseus.core.plan.outcome import HostUnreachable
from theseus.effects.hosts.shells import OpenShell, Shell, ShellUnavailable
from theseus.effects.inventory.survey import survey
from theseus.effects.perform.local import local_shell

GPU = "0, GPU-aaaa, NVIDIA H100 80GB HBM3, 81559, 4"


def box(cluster: str = "hpc") -> PlainHost:
    """A host."""
    return PlainHost(cluster, ssh="box")


def surveyed(*hosts: str, open_shell: OpenShell = local_shell, deadline: float = 20) -> Inventory:
    """The inventory of *hosts*."""
    inquiries = {host: inquiry_of(box()) for host in hosts}
    return asyncio.run(survey(open_shell, inquiries, deadline)).inventory


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory whose programs come before all others."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def program(folder: Path, name: str, text: str) -> None:
    """Put a script on the PATH."""
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_this_machine() -> None:
    """This very machine has CPUs and memory, and says which python3 it has."""
    snapshot = surveyed("here").of("here")
    assert isinstance(snapshot, PlainSnapshot)
    assert snapshot.cpus > 0
    assert snapshot.memory_available > 2**20
    assert snapshot.tools.git


def test_all_at_the_same_time(programs: Path) -> None:
    """Ten hosts take as long as one."""
    program(programs, "nvidia-smi", f"sleep 0.5; case $1 in *query-gpu*) echo '{GPU}';; esac")
    start = time.monotonic()
    inventory = surveyed(*(f"host {number}" for number in range(10)))
    taken = time.monotonic() - start
    assert taken < 10 * 1.5
    for number in range(10):
        snapshot = inventory.of(f"host {number}")
        assert isinstance(snapshot, PlainSnapshot)
        assert [gpu.chip for gpu in snapshot.gpus] == ["h100"]


HANGS = {
    "nvidia-smi": ("exec sleep 61.7", ": `nvidia-smi ...` hangs"),
    "ls": ("[ $# = 1 ] || exec sleep 61.7", ": `ls /share` hangs"),
    "bash": ("exec sleep 61.7", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HANGS)
def test_silent_host(name: str, programs: Path) -> None:
    """A host that does not answer in time is unreachable, and what hangs there is named and ended.

    That may be a driver, its share, or bash itself.
    """
    text, said = HANGS[name]
    program(programs, name, text)
    inquiries = {"slow": evolve(inquiry_of(box()), share="/share")}
    snapshot = asyncio.run(survey(local_shell, inquiries, 2.0)).inventory.of("slow")
    assert snapshot == Unreachable(f"did not answer within 2 s{said}")
    left = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert b"sleep\x0061.7\x00" not in left


def test_unavailable_host() -> None:
    """Where no shell can be had, the reason is the host's; others are asked all the same."""

    @asynccontextmanager
    async def open_shell(host: str) -> AsyncIterator[Shell]:
        if host == "gone":
            raise ShellUnavailable(HostUnreachable(host, "connection refused", "start sshd"))
        async with local_shell(host) as shell:
            yield shell

    inventory = surveyed("gone", "here", open_shell=open_shell)
    assert inventory.of("gone") == Unreachable("connection refused; start sshd")
    assert isinstance(inventory.of("here"), PlainSnapshot)


def test_lost_host(programs: Path) -> None:
    """A connection that is lost while asking leaves the host unreachable."""
    program(programs, "nvidia-smi", "sid=$(ps -o sid= -p $$ | tr -d ' '); kill -KILL -$sid $sid")
    assert isinstance(surveyed("dies").of("dies"), Unreachable)


def test_broken_driver(programs: Path) -> None:
    """A driver that complains leaves no GPU that counts, and its complaint is kept."""
    program(programs, "nvidia-smi", "echo 'Failed to initialize NVML: mismatch'; exit 18")
    snapshot = surveyed("box").of("box")
    assert isinstance(snapshot, PlainSnapshot)
    assert snapshot.gpus == ()
    assert snapshot.broken is not None
    assert "Failed to initialize NVML" in snapshot.broken


def test_bytes_that_are_no_text(programs: Path) -> None:
    """Answers may hold any bytes."""
    program(programs, "nvidia-smi", "printf '\\377\\376'; exit 1")
    assert isinstance(surveyed("box").of("box"), PlainSnapshot)


def test_worth_asking() -> None:
    """Hosts that the cluster filters leave out are not asked."""
    clusters = {name: ClusterConfig(root="/r", work="/w") for name in ("a", "b")}
    config = DispatchConfig(clusters, {"x": box("a"), "y": box("b"), "z": box("b")}, ("z",))
    chip = SUPPORTED_CHIPS["h100"]
    assert list(worth_asking(config, HardwareRequest(chip))) == ["z", "x", "y"]
    assert list(worth_asking(config, HardwareRequest(chip, preferred_clusters=["a"]))) == ["x"]
    assert list(worth_asking(config, HardwareRequest(chip, forbidden_clusters=["b"]))) == ["x"]
