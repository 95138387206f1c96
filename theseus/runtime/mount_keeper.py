"""`python -m theseus.runtime.mount_keeper keep|hand_over PID`: outliving a job.

SLURM ends all processes of a job with it, a daemon too that other jobs of the node still use. Here:
while the run whose process is PID lasts, taking over the mount from a run that leaves, and mounting
again where its daemon was killed. Never here: who holds the mount.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Mapping, Optional, Sequence

from theseus.runtime.holders import Holders, HoldersError, Process, locked, process_of
from theseus.runtime.juicefs import JuicefsError, Volume
from theseus.runtime.mount import Patience, mount, shared, start_daemon
from theseus.runtime.mount_table import mount_point

LOOK_SECONDS = 0.5
HAND_OVER_SECONDS = 20.0


def keep(volume: Volume, run: Process, environment: Mapping[str, str]) -> None:
    """Keep *volume* mounted as long as *run* lives."""
    while run.alive:
        time.sleep(LOOK_SECONDS)
        with locked(volume.point) as holders:
            if run not in holders.holders or holders.url != volume.url:
                continue  # it is leaving, or the mount was found
            try:
                if holders.daemon is None and not shared(volume, holders):
                    mount(volume, holders, environment, Patience())
                elif holders.wanted and holders.daemon is not None:
                    _take_over(volume, holders, environment)
            except JuicefsError as error:
                print(f"theseus: {error}", file=sys.stderr, flush=True)
            finally:
                holders.save()


def _take_over(volume: Volume, holders: Holders, environment: Mapping[str, str]) -> None:
    """Have a daemon of this run serve the mount: a second juicefs takes it from the first."""
    before = holders.daemon
    process = start_daemon(volume, holders, environment)
    patience = Patience(HAND_OVER_SECONDS)
    while process.poll() is None and not patience.over:
        if before is None or not before.alive:
            holders.wanted = False
            return
        time.sleep(LOOK_SECONDS / 10)
    holders.daemon = before


def hand_over(point: str, pid: int) -> None:
    """Before the run *pid* leaves, have another one serve the mount if its daemon goes with it."""
    with locked(point) as holders:
        daemon = holders.daemon
        if daemon is None or _cgroup(daemon.pid) != _cgroup(os.getpid()):
            return
        if all(each.pid == pid for each in holders.holders):
            return
        holders.wanted = True
        holders.save()
    until = time.monotonic() + HAND_OVER_SECONDS
    while daemon.alive and time.monotonic() < until:
        time.sleep(LOOK_SECONDS / 10)


def _cgroup(pid: int) -> Optional[str]:
    try:
        return Path("/proc", str(pid), "cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def main(words: Sequence[str]) -> int:
    """`keep` and PID, ending with that process, or `hand_over` and PID, before that one leaves."""
    action, pid = words[0], int(words[1])
    for number in (signal.SIGTERM, signal.SIGINT):  # SLURM sends them to all of a step
        signal.signal(number, lambda *_: None)
    try:
        point = mount_point(os.environ["THESEUS_MOUNT_POINT"])
        if action == "keep":
            keep(Volume.of(os.environ, point), process_of(pid), os.environ)
        else:
            hand_over(point, pid)
    except (HoldersError, OSError) as error:
        print(f"theseus: the mount is not kept: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
