"""The job's process, as it is to be started.

Here: which program, with which environment, and where. Never here: starting it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping

from theseus.base.command import command_argv
from theseus.runtime.environment import command_environment, registered_environment
from theseus.runtime.local import directory, import_roots
from theseus.runtime.payload import filled


@dataclass(frozen=True)
class Launch:
    """What is started, with which environment, and where."""

    argv: List[str]
    environment: Dict[str, str]
    start: Path


def launch_of(payload: Mapping[str, Any], run_dir: Path, variables: Mapping[str, str]) -> Launch:
    """How the job of *payload* is started, *variables* being its environment."""
    start = directory("WORK", variables) / variables.get("THESEUS_SUBDIRECTORY", "")
    if payload["job"]["module"] is None:
        argv = command_argv(filled(payload["config"], variables))
        return Launch(argv, command_environment(variables), start)
    # It goes to its own directory itself: `python -m` would look there before the runtime.
    argv = [sys.executable, "-m", "theseus.runtime.job", str(run_dir)]
    return Launch(argv, registered_environment(variables, import_roots(payload, start)), run_dir)
