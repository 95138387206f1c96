"""The environment a job gets.

Here: the variables every job finds, and those it must not find. Never here: starting the job.
"""

from __future__ import annotations

import os
from typing import Dict, Mapping, Sequence, Tuple

from theseus.runtime.payload import without_secrets
from theseus.runtime.processes import Processes, process_variables

DIRECTORIES = ("DATA", "CHECKPOINT", "RESULTS", "STATUS")


def job_variables(run_id: str, environment: Mapping[str, str], own: Processes) -> Dict[str, str]:
    """*environment* with what every job gets; a variable of torch or JAX the user set is kept."""
    return {
        **process_variables(run_id, own),
        "PYTHONUNBUFFERED": "1",  # what a job prints is in the log at once
        **environment,
        "THESEUS_RUN_ID": run_id,
        "THESEUS_RESTART_COUNT": environment.get("THESEUS_RESTART_COUNT", "0"),
    }


def command_environment(variables: Mapping[str, str]) -> Dict[str, str]:
    """The environment of a command: the project's, without the runtime and without its secrets."""
    found = without_secrets(variables)
    entries = _search_path(found)
    found.pop("PYTHONPATH", None)
    return {**found, "PYTHONPATH": os.pathsep.join(entries[1:])} if entries[1:] else found


def registered_environment(variables: Mapping[str, str], roots: Sequence[str]) -> Dict[str, str]:
    """The environment of a registered job: Python processes it starts find what it finds."""
    entries = _search_path(variables)
    own = tuple(root for root in roots if os.pathsep not in root)
    return {**variables, "PYTHONPATH": os.pathsep.join((*entries[:1], *own, *entries[1:]))}


def _search_path(variables: Mapping[str, str]) -> Tuple[str, ...]:
    # bootstrap.sh puts the runtime first.
    return tuple(filter(None, variables.get("PYTHONPATH", "").split(os.pathsep)))
