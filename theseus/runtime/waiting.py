"""A run that waits on its host before it begins: its metadata say that it is queued, and alive.

Here: the heartbeat of a wait. Never here: what is waited for.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Mapping

from theseus.runtime.local import directory
from theseus.runtime.metadata import Metadata
from theseus.runtime.payload import read_payload

LOOK_SECONDS = 1.0
HEARTBEAT_SECONDS = 30.0


class Waiting:
    """The metadata of a run that waits."""

    def __init__(self, run_dir: Path, environment: Mapping[str, str]) -> None:
        status_dir = directory("STATUS", environment)
        self._metadata = Metadata.of(read_payload(run_dir), run_dir, environment, status_dir)
        self._beat_at = 0.0

    def sleep(self) -> None:
        """Sleep until the next look, and tell now and then that the run is alive."""
        if time.monotonic() >= self._beat_at:
            self._metadata.queued()
            self._beat_at = time.monotonic() + HEARTBEAT_SECONDS
        time.sleep(LOOK_SECONDS)
