"""Which GPUs of this host a run may lease.

Here: from the plan's word, the user's own choice and what the driver lists to the GPUs by name, and
how a job is pinned to them. Never here: taking one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from theseus.base.detect import (
    NVIDIA_PROCESSES,
    Device,
    RunTool,
    busy,
    nvidia_devices,
    parse_held,
    rocm_devices,
)
from theseus.base.lease import lease_name

CHOICES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Leasable:
    """*chips* of *gpus*, by uuid or index, are to be leased; *variable* pins the job to them.

    *chosen* says that the user named exactly these.
    """

    chips: int
    gpus: Tuple[str, ...]
    variable: str
    chosen: bool = False

    def to_dict(self) -> Dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Leasable:
        """From what `to_dict` gave."""
        return cls(**{**document, "gpus": tuple(document["gpus"])})

    @property
    def names(self) -> Tuple[str, ...]:
        """What each is called in the lease directory."""
        return tuple(lease_name(gpu) for gpu in self.gpus)


def leasable(lease: Mapping[str, Any], environment: Mapping[str, str], run: RunTool) -> Leasable:
    """What *lease*, the content of lease.json, comes to on this host.

    A choice of the user's in *environment* is kept to: it says which GPUs, and how many.
    """
    variable = next((name for name in CHOICES if name in environment), None)
    if variable is not None:
        here = nvidia_devices(environment, run) or rocm_devices(environment, run)
        named = [device.uuid for device in here] or _entries(environment[variable])
        return Leasable(len(named), tuple(named), variable, chosen=True)
    nvidia = nvidia_devices({}, run)
    devices = nvidia or rocm_devices({}, run)
    amd = bool(devices) and not nvidia
    return Leasable(
        lease["chips"],
        tuple(_candidates(lease, devices)),
        # ROCm, "GPU isolation techniques": this one takes uuids; CUDA's and HIP's take indexes
        "ROCR_VISIBLE_DEVICES" if amd else "CUDA_VISIBLE_DEVICES",
    )


def in_use(run: RunTool) -> FrozenSet[str]:
    """The GPUs of this host that processes use now, be they leased or not."""
    nvidia = nvidia_devices({}, run)
    held = parse_held(run(NVIDIA_PROCESSES) or "") if nvidia else {}
    return busy(nvidia or rocm_devices({}, run), held)


def _candidates(lease: Mapping[str, Any], devices: Sequence[Device]) -> List[str]:
    planned: List[str] = lease["gpus"]
    there = [device.uuid for device in devices]
    if planned:
        return [gpu for gpu in planned if gpu in there or not there]
    if not devices:  # no driver says what there is: the config did, by a number
        return [str(index) for index in range(lease["declared"])]
    kinds = Counter(_kind(device) for device in devices)
    kind = lease["chip"] or max(kinds, key=lambda each: kinds[each])
    return [device.uuid for device in devices if _kind(device) == kind]


def _kind(device: Device) -> str:
    chip: Optional[str] = None if device.chip is None else device.chip.name
    return device.name if chip is None else chip


def _entries(selection: str) -> List[str]:
    return [entry.strip() for entry in selection.split(",") if entry.strip()]
