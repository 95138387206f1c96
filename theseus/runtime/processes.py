"""Which process of a run this is, and where the others are.

Here: reading SLURM's account of it, and the variables that torch and JAX read. Never here:
starting processes.
"""

from __future__ import annotations

import platform
import socket
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Mapping, Tuple

from theseus.base.node_list import expand_nodes

_PORTS = range(20000, 30000)  # below Linux's ephemeral ports, which begin at 32768


@dataclass(frozen=True)
class Processes:
    """The processes of a run, one on each of *hosts*, seen from the one with *index*."""

    hosts: Tuple[str, ...]
    index: int = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.hosts)

    @property
    def node(self) -> str:
        """The node of this one."""
        return self.hosts[self.index]


def processes(environment: Mapping[str, str]) -> Processes:
    """The processes of the SLURM step this is in, one on each node; without one this one alone.

    A job's own variables do not tell: they are there where one process runs in a job of many nodes.
    """
    hosts = expand_nodes(environment.get("SLURM_STEP_NODELIST", ""))
    if not hosts:
        return Processes((platform.node(),))
    index = int(environment.get("SLURM_PROCID", "0"))
    return Processes(hosts, index if index < len(hosts) else 0)


def node_directory(run_dir: Path, own: Processes) -> Path:
    """Where the internal files of this process lie; those of the main one lie in *run_dir*."""
    return run_dir if own.index == 0 else run_dir / "nodes" / own.node


def process_variables(run_id: str, own: Processes) -> Dict[str, str]:
    """The variables by which torch and JAX find the processes of a run, one on each host."""
    alone = own.count == 1
    address = "127.0.0.1" if alone else own.hosts[0]
    port = _free_port() if alone else _agreed_port(run_id)
    return {
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
        "RANK": str(own.index),
        "WORLD_SIZE": str(own.count),
        "LOCAL_RANK": "0",
        "NODE_RANK": str(own.index),
        "JAX_COORDINATOR_ADDRESS": f"{address}:{port}",
        "JAX_NUM_PROCESSES": str(own.count),
        "JAX_PROCESS_ID": str(own.index),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _agreed_port(run_id: str) -> int:
    # Nodes cannot ask one another before they have met: the run id decides for all of them.
    return _PORTS[zlib.crc32(run_id.encode()) % len(_PORTS)]
