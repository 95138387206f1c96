"""Which GPUs of this host a run may lease.

Here: from the plan's word and what the driver lists to the GPUs by name, and
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


@dataclass(frozen=True)
class Leasable:
    """*chips* of *gpus*, by uuid or index, are to be leased; *variable* pins the job to them."""

    chips: int
    gpus: Tuple[str, ...]
    variable: str

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


def leasable(lease: Mapping[str, Any], run: RunTool) -> Leasable:
    """What *lease*, the content of lease.json, comes to on this host."""
    nvidia, amd = _devices(run)
    # ROCm, "GPU isolation techniques": ROCR takes uuids, which HIP and CUDA's name for it do not
    variable = "ROCR_VISIBLE_DEVICES" if amd else "CUDA_VISIBLE_DEVICES"
    return Leasable(lease["chips"], tuple(_candidates(lease, nvidia or amd)), variable)


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
