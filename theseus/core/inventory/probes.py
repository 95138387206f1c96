"""Probes: pure pairs of a command and how its answer is read.

All probes of a host travel in one exchange. A tool that is missing is a fact, not a failure; a tool
that is there and answers nonsense is said so, and its devices do not count as free.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.base.detect import (
    NVIDIA_LIST,
    NVIDIA_PROCESSES,
    NVIDIA_QUERY,
    ROCM_QUERY,
    Device,
    busy,
    parse_held,
    parse_mig,
    parse_nvidia_query,
    parse_rocm_query,
)
from theseus.core.inventory.inventory import Gpu, HostSnapshot, PlainSnapshot, Tools, Unreachable
from theseus.core.inventory.leases import Leases, leases_command, parse_leases
from theseus.core.values import frozen

Fact = TypeVar("Fact")
_MISSING: Final = 127  # sh(1): command not found


@frozen
class Answer:
    """What a probe's command said: exit *status*, standard *output*, the tail of its *errors*."""

    status: int
    output: str
    errors: str = ""


@frozen
class Probe(Generic[Fact]):
    """A command, and what its answer means."""

    argv: tuple[str, ...]
    parse: Callable[[Answer], Result[Fact, str]]


def _nvidia(answer: Answer) -> Result[tuple[Device, ...], str]:
    return _devices(answer, parse_nvidia_query)


def _rocm(answer: Answer) -> Result[tuple[Device, ...], str]:
    return _devices(answer, parse_rocm_query)


def _devices(
    answer: Answer, parse: Callable[[str], tuple[Device, ...]]
) -> Result[tuple[Device, ...], str]:
    if answer.status == _MISSING:
        return Success(())
    # nvidia-smi ends with 6 when there is no device; its text says so
    if answer.status and "No devices were found" not in answer.output:
        return Failure(_first_line(answer.output) or f"it ended with status {answer.status}")
    try:
        return Success(parse(answer.output))
    except ValueError as error:
        return Failure(str(error))


def _held(answer: Answer) -> Result[Mapping[str, int], str]:
    return Success(parse_held(answer.output))


def _divided(answer: Answer) -> Result[frozenset[str], str]:
    return Success(frozenset(parse_mig(answer.output)))


def _cpus(answer: Answer) -> Result[int, str]:
    text = answer.output.strip()
    return Success(int(text)) if text.isdecimal() else Failure(f"nproc answered {text!r}")


def _memory(answer: Answer) -> Result[int, str]:
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", answer.output, re.MULTILINE)
    return Success(int(found[1]) * 1024) if found else Failure("/proc/meminfo has no MemAvailable")


def _tools(answer: Answer) -> Result[Tools, str]:
    lines = (line.strip().partition(" ") for line in answer.output.splitlines())
    found = {name: version for name, _, version in lines}
    return Success(
        Tools("uv" in found, "git" in found, "zstd" in found, found.get("python3") or None)
    )


NVIDIA: Final = Probe(NVIDIA_QUERY, _nvidia)
NVIDIA_MIG: Final = Probe(NVIDIA_LIST, _divided)
NVIDIA_HELD: Final = Probe(NVIDIA_PROCESSES, _held)
ROCM: Final = Probe(ROCM_QUERY, _rocm)
CPUS: Final = Probe(("nproc",), _cpus)
MEMORY: Final = Probe(("cat", "/proc/meminfo"), _memory)
_LOOK_FOR_TOOLS: Final = (
    'PATH=$PATH:$HOME/.local/bin; for tool in uv git zstd; do command -v "$tool" >/dev/null && '
    'echo "$tool"; done; command -v python3 >/dev/null && echo "python3 $(python3 -c '
    "'import platform; print(platform.python_version())')\""
)
TOOLS: Final = Probe(("sh", "-c", _LOOK_FOR_TOOLS), _tools)


def plain_probes(leases: str) -> tuple[Probe[Any], ...]:
    """The probes of a plain host whose lease directory is *leases*."""
    held = Probe(leases_command(leases), _leases)
    return (NVIDIA, NVIDIA_MIG, NVIDIA_HELD, ROCM, CPUS, MEMORY, TOOLS, held)


def _leases(answer: Answer) -> Result[Leases, str]:
    return Success(parse_leases(answer.output))


def plain_snapshot(answers: tuple[Answer, ...]) -> HostSnapshot:
    """The snapshot that the *answers* to `plain_probes`, in its order, make."""
    nvidia_said, mig_said, held_said, rocm_said, cpus_said, memory_said, tools_said, own = answers
    nvidia, rocm = NVIDIA.parse(nvidia_said), ROCM.parse(rocm_said)
    cpus, memory = CPUS.parse(cpus_said), MEMORY.parse(memory_said)
    if not is_successful(both := Result.do((c, m) for c in cpus for m in memory)):
        return Unreachable(both.failure())
    broken = [
        f"{tool}: {devices.failure()}"
        for tool, devices in (("nvidia-smi", nvidia), ("rocm-smi", rocm))
        if not is_successful(devices)
    ]
    held, divided = NVIDIA_HELD.parse(held_said).unwrap(), NVIDIA_MIG.parse(mig_said).unwrap()
    leases = _leases(own).unwrap()
    gpus = (
        *_gpus(nvidia.value_or(()), held, divided),
        *_gpus(rocm.value_or(()), {}, frozenset()),
    )
    return PlainSnapshot(
        gpus=tuple(leases.taken(gpu) for gpu in gpus),
        cpus=cpus.unwrap(),
        memory_available=memory.unwrap(),
        tools=TOOLS.parse(tools_said).unwrap(),
        broken=broken[0] if broken else None,
        faults=tuple(
            f"nvidia-smi: GPU {device.index}: {device.fault}"
            for device in nvidia.value_or(())
            if device.fault is not None
        ),
        waiting=leases.waiting(gpus),
    )


def _gpus(
    devices: tuple[Device, ...], held: Mapping[str, int], divided: frozenset[str]
) -> tuple[Gpu, ...]:
    used = busy(devices, held)
    return tuple(
        Gpu(
            uuid=device.uuid or str(device.index),
            name=device.name,
            chip=device.chip.name if device.chip else None,
            memory=device.memory or 0,
            busy=device.uuid in used | divided,
            divided=device.uuid in divided,
        )
        for device in devices
        if device.fault is None
    )


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
