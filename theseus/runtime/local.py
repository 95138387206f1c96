"""What one process knows of its run, remote or on the client's own machine.

Here: the values a job is called with, made from a payload and an environment. Never here: starting
or recording a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping, Tuple

from theseus.base.config import Config
from theseus.base.job import ExecutionSpec
from theseus.base.topology import Topology
from theseus.runtime.hardware import finalized, hardware_result
from theseus.runtime.payload import PayloadError, filled
from theseus.runtime.processes import processes


def execution_spec(payload: Mapping[str, Any], environment: Mapping[str, str]) -> ExecutionSpec:
    """What the job of *payload* is told; *environment* holds its directories as THESEUS_*_DIR.

    Hardware that the supervisor has not finalized yet is finalized here.
    """
    own = processes(environment)
    hardware = expanded_hardware(payload)
    final = hardware if "hosts" in hardware else finalized(hardware, environment, own)
    run = payload["run"]
    return ExecutionSpec(
        id=run["id"],
        name=run["name"],
        project=run["project"],
        group=run["group"],
        hardware=hardware_result(final),
        topology=Topology(
            device_count=max(1, final["total_chips"]),
            local_device_count=max(1, final["chips_per_node"]),
            process_count=own.count,
            process_index=own.index,
            n_shards=final["n_shards"],
        ),
        distributed=own.count > 1,
        work_dir=directory("WORK", environment),
        data_dir=directory("DATA", environment),
        checkpoint_dir=directory("CHECKPOINT", environment),
        results_dir=directory("RESULTS", environment),
        restart_count=int(environment.get("THESEUS_RESTART_COUNT", "0")),
    )


def job_config(payload: Mapping[str, Any], environment: Mapping[str, str]) -> Config:
    """The config of the job, its secrets filled in from *environment*."""
    return Config(filled(payload["config"], environment))


def directory(kind: str, environment: Mapping[str, str]) -> Path:
    """The directory of the run named by THESEUS_*kind*_DIR; PayloadError when it is not set."""
    name = f"THESEUS_{kind}_DIR"
    if not environment.get(name):
        raise PayloadError(f"{name} is not set: start the run through bootstrap.sh")
    return Path(environment[name]).expanduser()


def expanded_hardware(payload: Mapping[str, Any]) -> Dict[str, Any]:
    """The hardware of *payload*, `~/` in its cluster's paths replaced by the home directory."""
    hardware: Dict[str, Any] = dict(payload["hardware"])
    hardware["cluster"] = {
        key: value if key == "name" else _expanded(value)
        for key, value in hardware["cluster"].items()
        if value is not None
    }
    return hardware


def _expanded(path: str) -> str:
    return str(Path(path).expanduser()) if path.startswith("~") else path


def import_roots(payload: Mapping[str, Any], start: Path) -> Tuple[str, ...]:
    """Where the job's module is looked for first: the payload's paths beneath *start*."""
    return tuple(str((start / path).absolute()) for path in payload["job"]["paths"])
