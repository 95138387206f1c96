"""Which chips this process may use.

Here: reading what nvidia-smi and rocm-smi print, as pure functions, and the one function that runs
such a tool. Never here: deciding what to do with the chips, or importing a framework to ask it.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from theseus.base.chip import SUPPORTED_CHIPS, Chip, chip_named_by

NVIDIA_QUERY = (
    "nvidia-smi",
    "--query-gpu=index,uuid,name,memory.total,memory.used",
    "--format=csv,noheader,nounits",
)
NVIDIA_LIST = ("nvidia-smi", "-L")
NVIDIA_PROCESSES = (
    "nvidia-smi",
    "--query-compute-apps=gpu_uuid,used_memory",
    "--format=csv,noheader,nounits",
)
ROCM_QUERY = ("rocm-smi", "--showproductname", "--showuniqueid", "--showmeminfo", "vram", "--json")
# what stands where a GPU has no memory of its own, as on GB10, or may not tell its use
_HAS_NONE = ("[N/A]", "[Not Supported]", "[Insufficient Permissions]")
BUSY_SHARE = 0.1  # of a GPU's memory, held by compute processes
TOOL_SECONDS = 30  # nvidia-smi on eight GPUs without persistence mode wakes each in turn

RunTool = Callable[[Sequence[str]], Optional[str]]


@dataclass(frozen=True)
class Device:
    """One device as a driver's tool lists it.

    *uuid* is what names it in a `…_VISIBLE_DEVICES`; memory is in bytes, None where it is the
    host's. *fault* is the error that the tool tells in place of what it was asked.
    """

    index: int
    uuid: str
    name: str
    memory: Optional[int] = None
    memory_used: Optional[int] = None
    fault: Optional[str] = None

    @property
    def chip(self) -> Optional[Chip]:
        """The chip it is, None when theseus does not know it."""
        return chip_named_by(self.name)


def parse_nvidia_query(text: str) -> Tuple[Device, ...]:
    """The GPUs in the answer to `NVIDIA_QUERY`; ValueError holds an answer that is no list."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines == ["No devices were found"]:
        return ()
    return tuple(_nvidia_device(line) for line in lines)


def _nvidia_device(line: str) -> Device:
    fields = [field.strip() for field in line.split(",")]
    if len(fields) != 5 or not fields[0].isdecimal():
        raise ValueError(f"nvidia-smi answered: {line}")
    index, uuid, name, total, used = fields
    wrong = (word for word in fields if _is_fault(word))
    return Device(int(index), uuid, name, _mebibytes(total), _mebibytes(used), next(wrong, None))


def _is_fault(word: str) -> bool:
    """Whether *word* tells an error: "[GPU requires reset]", "[Unknown Error]", "ERR!"."""
    bracketed = word.startswith("[") and word not in _HAS_NONE
    return bracketed or word == "ERR!"


def _mebibytes(text: str) -> Optional[int]:
    return int(text) * 2**20 if text.isdecimal() else None


def parse_mig(text: str) -> Mapping[str, Tuple[str, ...]]:
    """The uuids of MIG instances in the answer to `NVIDIA_LIST`, by the uuid of their GPU."""
    instances: Dict[str, List[str]] = {}
    gpu = ""
    for line in text.splitlines():
        found = re.search(r"\(UUID: ([^)]+)\)", line)
        if found is None:
            continue
        if line.startswith("GPU "):
            gpu = found.group(1)
        elif line.lstrip().startswith("MIG "):
            instances.setdefault(gpu, []).append(found.group(1))
    return {uuid: tuple(parts) for uuid, parts in instances.items()}


def parse_held(text: str) -> Mapping[str, int]:
    """Bytes that compute processes hold, by GPU uuid; one that hides its use counts as all."""
    held: Counter[str] = Counter()
    for line in text.splitlines():
        uuid, comma, used = (part.strip() for part in line.partition(","))
        if comma and uuid.startswith("GPU-"):
            held[uuid] += int(used) * 2**20 if used.isdecimal() else 2**62
    return held


def busy(devices: Sequence[Device], held: Mapping[str, int]) -> FrozenSet[str]:
    """The uuids of *devices* that are in use; *held* are the bytes that processes hold of each."""
    # AMD's tool names no processes: memory in use must do
    used = ((device, held.get(device.uuid) or _amd_use(device)) for device in devices)
    return frozenset(device.uuid for device, held in used if _share(device, held) >= BUSY_SHARE)


def _share(device: Device, used: int) -> float:
    return used / device.memory if device.memory else float(used > 0)


def _amd_use(device: Device) -> int:
    is_amd = device.chip is not None and device.chip.name.startswith("mi")
    return (device.memory_used or 0) if is_amd else 0


def divided(
    devices: Sequence[Device], instances: Mapping[str, Sequence[str]]
) -> Tuple[Device, ...]:
    """The devices CUDA offers: a divided GPU is replaced by its instances, which keep its name."""
    offered: List[Device] = []
    for device in devices:
        parts = instances.get(device.uuid, ())
        offered.extend(Device(device.index, part, device.name) for part in parts)
        if not parts:
            offered.append(device)
    return tuple(offered)


def visible(devices: Sequence[Device], selection: Optional[str]) -> Tuple[Device, ...]:
    """The devices that *selection*, a value of CUDA_VISIBLE_DEVICES, leaves.

    None leaves all, an empty text none. An entry is an index, or a uuid or the beginning of one. As
    in CUDA, the first entry that names no device (`-1`, `NoDevFiles`) hides all from itself on.
    """
    if selection is None:
        return tuple(devices)
    chosen: List[Device] = []
    for entry in (part.strip() for part in selection.split(",")):
        named = _named(devices, entry)
        if not named:
            break
        chosen.extend(device for device in named if device not in chosen)
    return tuple(chosen)


def _named(devices: Sequence[Device], entry: str) -> List[Device]:
    if entry.isdecimal():
        return [device for device in devices if device.index == int(entry)]
    if not entry.startswith(("GPU-", "MIG-")):
        return []
    return [device for device in devices if device.uuid.lower().startswith(entry.lower())]


def parse_rocm_query(text: str) -> Tuple[Device, ...]:
    """The GPUs in the answer to `ROCM_QUERY`, after any warnings; ValueError when there is none."""
    start = text.find("{")
    if start < 0:
        raise ValueError(f"rocm-smi answered: {text.strip() or 'nothing'}")
    answer = json.loads(text[start:])
    cards = ((re.fullmatch(r"card(\d+)", key), fields) for key, fields in answer.items())
    found = [
        _rocm_device(int(match.group(1)), fields)
        for match, fields in cards
        if match is not None and isinstance(fields, dict)
    ]
    return tuple(sorted(found, key=lambda device: device.index))


def _rocm_device(index: int, fields: Mapping[str, Any]) -> Device:
    # ROCm 5 writes "Card series", ROCm 6 "Card Series"; older ones put the name into the model.
    values = {key.lower(): str(value) for key, value in fields.items()}
    names = [values.get(f"card {field}", "") for field in ("series", "model", "sku")]
    name = next((text for text in names if chip_named_by(text)), names[0])
    total = values.get("vram total memory (b)", "")
    used = values.get("vram total used memory (b)", "")
    # "N/A" stands where a GPU has no id; ROCR_VISIBLE_DEVICES takes GPU-<digits>, or the index.
    digits = re.fullmatch(r"0x([0-9a-f]+)", values.get("unique id", "").lower())
    uuid = str(index) if digits is None else f"GPU-{digits.group(1)}"
    return Device(index, uuid, name, _bytes(total), _bytes(used))


def _bytes(text: str) -> Optional[int]:
    return int(text) if text.isdecimal() else None


def nvidia_devices(environment: Mapping[str, str], run: RunTool) -> Tuple[Device, ...]:
    """The NVIDIA devices this process may use, within CUDA_VISIBLE_DEVICES."""
    answer = run(NVIDIA_QUERY)
    if answer is None:
        return ()
    try:
        devices = [device for device in parse_nvidia_query(answer) if device.fault is None]
    except ValueError:
        return ()
    offered = divided(devices, parse_mig(run(NVIDIA_LIST) or ""))
    return visible(offered, environment.get("CUDA_VISIBLE_DEVICES"))


def rocm_devices(environment: Mapping[str, str], run: RunTool) -> Tuple[Device, ...]:
    """The AMD devices this process may use, within ROCR_, HIP_ or CUDA_VISIBLE_DEVICES."""
    answer = run(ROCM_QUERY)
    if answer is None:
        return ()
    try:
        devices = parse_rocm_query(answer)
    except ValueError:
        return ()
    # ROCm, "GPU isolation techniques": HIP reads CUDA_VISIBLE_DEVICES too. SLURM sets ROCR_.
    names = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
    return visible(
        devices, next((environment[name] for name in names if name in environment), None)
    )


def detect(environment: Mapping[str, str], run: RunTool) -> Tuple[Optional[Chip], int]:
    """The chip this process may use and how many of it there are.

    nvidia-smi is asked, then rocm-smi. Where neither gives a device the answer is (`cpu`, 1): a
    process sees one CPU device, however many cores it has. Devices of several kinds, or of one that
    theseus does not know, are counted with chip None. A MIG instance counts as one chip of its
    GPU's kind.
    """
    devices = nvidia_devices(environment, run) or rocm_devices(environment, run)
    if not devices:
        return SUPPORTED_CHIPS["cpu"], 1
    chips = {device.chip for device in devices}
    return (chips.pop() if len(chips) == 1 else None), len(devices)


def run_tool(argv: Sequence[str], seconds: float = TOOL_SECONDS) -> Optional[str]:
    """What a tool prints; None when it is missing, fails, or takes longer than *seconds*."""
    try:
        finished = subprocess.run(
            argv, check=False, timeout=seconds, stdin=subprocess.DEVNULL, capture_output=True
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return finished.stdout.decode(errors="replace") if finished.returncode == 0 else None
