"""`python -m theseus.runtime.mount enter|leave PID`: JuiceFS at the root of the run's cluster.

Here: the run whose process is PID takes part in the mount that its environment describes, or no
longer does. The first of a node mounts, the last unmounts; what theseus has not mounted it leaves
alone. Never here: the words of juicefs, the counting.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Mapping, Optional, Sequence

from theseus.runtime.holders import Holders, HoldersError, Process, locked, process_of
from theseus.runtime.juicefs import (
    KIND,
    JuicefsError,
    Volume,
    check_node,
    end,
    program_on_path,
    refusal,
    start,
)
from theseus.runtime.mount_table import (
    HangsError,
    Mounted,
    complaint,
    detach,
    mount_point,
    mounted_at,
    unmount,
)
from theseus.runtime.pinned_juicefs import pinned_juicefs

MOUNT_SECONDS = 30.0
BUSY_SECONDS = 3.0
LOOK_SECONDS = 0.05


@dataclass
class Patience:
    """How long juicefs may take to come up; none is left once the run is *told* to stop."""

    seconds: float = MOUNT_SECONDS
    told: bool = False
    _began: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Whether it has taken too long."""
        return self.told or time.monotonic() > self._began + self.seconds


def enter(volume: Volume, run: Process, environment: Mapping[str, str], patience: Patience) -> None:
    """Have *volume* mounted, and count *run* among those who use it."""
    with locked(volume.point) as holders:
        try:
            if not shared(volume, holders):
                mount(volume, holders, environment, patience)
            holders.holders.append(run)
        finally:
            holders.save()


def leave(point: str, pid: int) -> None:
    """Count the process *pid* no more; the last one unmounts what theseus has mounted."""
    with locked(point) as holders:
        holders.holders = [each for each in holders.holders if each.pid != pid]
        if not holders.holders and holders.daemon is not None:
            _unmount(point, holders.daemon)
            holders.daemon = None
        holders.save()


def shared(volume: Volume, holders: Holders) -> bool:
    """Whether *volume* is there already; a mount whose daemon is dead is taken away."""
    there = mounted_at(volume.point)
    if there is None:
        return False
    if there.kind != KIND:
        raise JuicefsError(
            f"{volume.point} is a mount of {there.kind} ({there.source}), not of JuiceFS: choose"
            " another `root`, or leave `mount` away"
        )
    try:
        problem = complaint(volume.point)
    except HangsError:
        raise JuicefsError(
            f"JuiceFS is mounted at {volume.point}, and does not answer: is Redis up?"
        ) from None
    if problem is not None:
        _clear(volume.point, there, problem)
        holders.daemon = None
        return shared(volume, holders)
    if holders.daemon is not None and holders.url != volume.url:
        raise JuicefsError(
            f"a run on this node has mounted {holders.url} at {volume.point}, and this one wants"
            f" {volume.url} there: give them different `root`s"
        )
    _say(f"JuiceFS is mounted at {volume.point} ({there.source}): sharing it")
    return True


def _clear(point: str, there: Mounted, problem: str) -> None:
    """Take away a mount that only answers with *problem*."""
    if there.user not in (None, os.geteuid()):
        raise JuicefsError(
            f"JuiceFS at {point} was mounted by user {there.user}, and a mount is its user's alone"
            f" ({problem}): choose a `root` of your own, such as one below ~/"
        )
    _say(f"the mount at {point} is stale ({problem}): mounting it again")
    refused = detach(point)
    if refused is not None:
        raise JuicefsError(f"the stale mount at {point} cannot be taken away ({refused})")


def mount(
    volume: Volume, holders: Holders, environment: Mapping[str, str], patience: Patience
) -> None:
    """Mount *volume*, where nothing is mounted, and wait until it is usable."""
    check_node(volume.point)
    process = start_daemon(volume, holders, environment)
    while process.poll() is None and not patience.over:
        if _usable(volume.point):
            _say(f"JuiceFS is mounted at {volume.point}")
            return
        time.sleep(LOOK_SECONDS)
    end(process)
    if mounted_at(volume.point) is not None:
        detach(volume.point)
    holders.daemon = None
    raise JuicefsError(refusal(volume.url, holders.log))


def start_daemon(
    volume: Volume, holders: Holders, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start juicefs, and note at once that it is theseus's: this run may be killed."""
    program = pinned_juicefs(environment) or program_on_path(environment)
    process = start(volume.argv(program), environment, holders.log)
    with suppress(ProcessLookupError):  # it is dead already, and its last words will be read
        holders.daemon, holders.url = process_of(process.pid), volume.url
        holders.save()
    return process


def _usable(point: str) -> bool:
    there = mounted_at(point)
    with suppress(HangsError):
        return there is not None and there.kind == KIND and complaint(point) is None
    return False


def _unmount(point: str, daemon: Process) -> None:
    """Unmount *point*, if need be under those who still use it, and await the *daemon*'s end."""
    refused: Optional[str] = None
    until = time.monotonic() + BUSY_SECONDS
    while mounted_at(point) is not None:
        refused = unmount(point)
        if refused is None:
            break
        if time.monotonic() > until:
            _say(f"{point} is detached by force: {refused}")
            detach(point)
            return  # its daemon serves what is still open there, and ends by itself
        time.sleep(LOOK_SECONDS * 4)
    until = time.monotonic() + MOUNT_SECONDS
    while daemon.alive and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    _say(f"JuiceFS is unmounted from {point}")


def _say(text: str) -> None:
    print(f"theseus: {text}", file=sys.stderr, flush=True)


def main(words: Sequence[str]) -> int:
    """`enter` or `leave` and PID; what is in the way is printed, with exit status 1."""
    action, pid = words[0], int(words[1])
    # To be told to stop half-way would leave a mount that nobody knows; juicefs is not to inherit
    # that a signal is ignored, as it would be with SIG_IGN.
    patience = Patience()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(patience, "told", True))
    try:
        point = mount_point(os.environ["THESEUS_MOUNT_POINT"])
        if action == "enter":
            enter(Volume.of(os.environ, point), process_of(pid), os.environ, patience)
        else:
            leave(point, pid)
    except (JuicefsError, HoldersError) as error:
        print(error)
        return 1
    except OSError as error:
        print(f"JuiceFS cannot be mounted at {os.environ['THESEUS_MOUNT_POINT']}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
