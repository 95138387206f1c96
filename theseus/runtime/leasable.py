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
    visible,
)
from theseus.base.lease import lease_name

# the first that is set counts; CUDA reads the last alone
CHOICES = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")


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
    nvidia, amd = _devices(run)
    own = next((name for name in (CHOICES if amd else CHOICES[-1:]) if name in environment), None)
    if own is None:
        # ROCm, "GPU isolation techniques": this one takes uuids; CUDA's and HIP's take indexes
        variable = CHOICES[0] if amd else CHOICES[-1]
        return Leasable(lease["chips"], tuple(_candidates(lease, nvidia or amd)), variable)
    named = [_uuid(device) for device in visible(nvidia or amd, environment[own])]
    gpus = tuple(named if nvidia or amd else _entries(environment[own]))
    return Leasable(len(gpus), gpus, own, chosen=True)


def in_use(run: RunTool) -> FrozenSet[str]:
    """The GPUs of this host that processes use now, be they leased or not."""
    nvidia, amd = _devices(run)
    held = parse_held(run(NVIDIA_PROCESSES) or "") if nvidia else {}
    return busy(nvidia or amd, held)


def _devices(run: RunTool) -> Tuple[Tuple[Device, ...], Tuple[Device, ...]]:
    """All GPUs of this host: NVIDIA's, or where there are none AMD's."""
    nvidia = nvidia_devices({}, run)
    return nvidia, () if nvidia else rocm_devices({}, run)


def _candidates(lease: Mapping[str, Any], devices: Sequence[Device]) -> List[str]:
    planned: List[str] = lease["gpus"]
    there = [_uuid(device) for device in devices]
    if planned:
        return [gpu for gpu in planned if gpu in there or not there]
    if not devices:  # no driver says what there is: the config did, by a number
        return [str(index) for index in range(lease["declared"])]
    kinds = Counter(_kind(device) for device in devices)
    kind = lease["chip"] or max(kinds, key=lambda each: kinds[each])
    return [_uuid(device) for device in devices if _kind(device) == kind]


def _uuid(device: Device) -> str:
    return device.uuid or str(device.index)


def _kind(device: Device) -> str:
    chip: Optional[str] = None if device.chip is None else device.chip.name
    return device.name if chip is None else chip


def _entries(selection: str) -> List[str]:
    return [entry.strip() for entry in selection.split(",") if entry.strip()]
