"""What others may know of a run: metadata.json in its status directory.

Here: its content and when it changes. It holds no secret. Never here: reading it, which is the
client's.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from theseus.runtime.documents import now, read_document, replace_document
from theseus.runtime.local import expanded_hardware
from theseus.runtime.payload import finite, masked


@dataclass
class Metadata:
    """One metadata.json and its content."""

    path: Path
    fields: Dict[str, Any]

    @classmethod
    def of(
        cls,
        payload: Mapping[str, Any],
        run_dir: Path,
        environment: Mapping[str, str],
        status_dir: Path,
    ) -> Metadata:
        """That of the run in *run_dir*, going on from an earlier start if there was one."""
        status_dir.mkdir(parents=True, exist_ok=True)
        path = status_dir / "metadata.json"
        fields = {
            "version": 1,
            "run": {**payload["run"], "job": payload["job"]["key"]},
            "run_dir": str(run_dir),
            "log": environment.get("THESEUS_LOG"),
            "host": platform.node(),
            "hardware": expanded_hardware(payload),
            "config": finite(masked(payload["config"])),
            "restart_count": int(environment.get("THESEUS_RESTART_COUNT", "0")),
            "started_at": _first_start(path) or now(),
        }
        return cls(path, fields)

    def queued(self) -> None:
        """Write that the run waits and is alive; it has not started."""
        waiting = {key: value for key, value in self.fields.items() if key != "started_at"}
        replace_document(self.path, {**waiting, "state": "queued", "heartbeat": now()})

    def running(self, hardware: Mapping[str, Any], pid: int) -> None:
        """Write that the job runs as process *pid*, on what *hardware* was found."""
        self.fields.update(state="running", hardware=dict(hardware), pid=pid)
        self.beat()

    def beat(self) -> None:
        """Write that the run was alive just now."""
        self.fields["heartbeat"] = now()
        replace_document(self.path, self.fields)

    def ended(self, state: str, exit_status: int, message: str) -> None:
        """Write how the run ended."""
        self.fields.update(state=state, exit_status=exit_status, message=message, ended_at=now())
        self.beat()


def _first_start(path: Path) -> Optional[str]:
    try:
        started = read_document(path).get("started_at")
    except (OSError, ValueError):
        return None
    return started if isinstance(started, str) else None
