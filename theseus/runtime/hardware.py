"""What hardware a run turned out to have.

Here: finalizing a request that named no chip, and the value a job is given. Never here: choosing
hardware.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Dict, Mapping, Optional, Tuple

from theseus.base.chip import SUPPORTED_CHIPS, Chip, chip_named_by
from theseus.base.detect import detect, run_tool
from theseus.base.hardware import Cluster, ClusterMachine, HardwareResult
from theseus.runtime.processes import Processes

CPU = SUPPORTED_CHIPS["cpu"]
FRAMEWORK_SECONDS = 120  # importing torch from a cold network file system

# Prints the name of each device; in a process of its own, for a framework keeps what it opens.
_ASK_FRAMEWORKS = """
import importlib.util, json
names = []
if importlib.util.find_spec("jax"):
    import jax
    names = [d.device_kind for d in jax.local_devices() if d.platform != "cpu"]
if not names and importlib.util.find_spec("torch"):
    import torch
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
print("\\n" + json.dumps(names))
"""


def finalized(
    hardware: Mapping[str, Any], environment: Mapping[str, str], own: Processes
) -> Dict[str, Any]:
    """The payload's *hardware* with what this host really has, where no chip was named.

    A named chip is kept, and so are the cluster's paths. What is detected here is taken to be on
    each host of the run.
    """
    if hardware["chip"] is not None:
        return {**hardware, "hosts": list(own.hosts)}
    chip, here = _detected(environment)
    return {
        **hardware,
        "chip": None if chip is None else chip.name,
        "chips_per_node": here,
        "total_chips": here * own.count,
        "hosts": list(own.hosts),
    }


def hardware_result(final: Mapping[str, Any]) -> HardwareResult:
    """The value a job is given, from finalized hardware."""
    cluster = Cluster(**final["cluster"])
    chip = None if final["chip"] is None else SUPPORTED_CHIPS[final["chip"]]
    resources = {} if chip is None else {chip: final["chips_per_node"]}
    hosts = tuple(ClusterMachine(name, cluster, resources) for name in final["hosts"])
    return HardwareResult(chip, hosts, final["total_chips"])


def _detected(environment: Mapping[str, str]) -> Tuple[Optional[Chip], int]:
    chip, count = detect(environment, run_tool)
    if chip != CPU or environment.get("CUDA_VISIBLE_DEVICES") == "":
        return chip, count
    names = _framework_devices(environment)
    if not names:
        return chip, count
    chips = {chip_named_by(name) for name in names}
    return (chips.pop() if len(chips) == 1 else None), len(names)


def _framework_devices(environment: Mapping[str, str]) -> Tuple[str, ...]:
    try:
        finished = subprocess.run(
            [sys.executable, "-c", _ASK_FRAMEWORKS],
            env={**environment, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=FRAMEWORK_SECONDS,
            check=True,
        )
        return tuple(json.loads(finished.stdout.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return ()
