"""How the devices of a run are arranged.

Here: counts and their division into replicas and shards. Never here: finding devices, or starting
JAX.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Optional


@dataclass(frozen=True)
class Topology:
    """Devices and processes of a run, as one of its processes sees them.

    *n_shards* is how many devices hold one copy of the model; None means one.

    >>> Topology(device_count=8, local_device_count=4, process_count=2, n_shards=4).replicas
    2
    """

    device_count: int
    local_device_count: int
    process_count: int = 1
    process_index: int = 0
    n_shards: Optional[int] = None

    def __post_init__(self) -> None:
        if self.device_count < 1 or self.local_device_count < 1 or self.process_count < 1:
            raise ValueError("a topology has at least one device, one local device and one process")
        if not 0 <= self.process_index < self.process_count:
            raise ValueError(
                f"process_index {self.process_index} is not one of {self.process_count} processes"
            )
        if self.shards < 1:
            raise ValueError(f"n_shards is {self.n_shards}, but a model has at least one shard")

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that speaks for the run."""
        return self.process_index == 0

    @property
    def shards(self) -> int:
        """Devices that hold one copy of the model."""
        return 1 if self.n_shards is None else self.n_shards

    @property
    def replicas(self) -> int:
        """Copies of the model; ValueError when the shards do not divide the devices evenly.

        Only a job that asks is told: the same job config runs on one CPU where the job does not.
        """
        copies, left = divmod(self.device_count, self.shards)
        if left:
            raise ValueError(
                f"{self.device_count} devices cannot be divided into copies of {self.shards} shards"
            )
        return copies

    def mesh(self) -> Any:  # noqa: ANN401 - jax.sharding.Mesh, whose type is there only where JAX is
        """A JAX mesh over all devices, axes "batch" (replicas) and "shard".

        RuntimeError where JAX is missing, or sees other devices than the run has.
        """
        try:
            jax = importlib.import_module("jax")
            numpy = importlib.import_module("numpy")
        except ImportError as error:
            raise RuntimeError(
                f"a mesh needs JAX, and {error.name} cannot be imported:"
                " add jax to the project, for example `uv add jax`"
            ) from error
        devices = jax.devices()
        if len(devices) != self.device_count:
            raise RuntimeError(
                f"JAX sees {len(devices)} devices where the run has {self.device_count}:"
                " call jax.distributed.initialize() first, and install the JAX for this accelerator"
            )
        return jax.sharding.Mesh(
            numpy.asarray(devices).reshape(self.replicas, self.shards), ("batch", "shard")
        )
