"""Dispatches nanolm from Python: first a plan that contacts nothing, then a run on this machine.

Call it in examples/nanolm, as `python ../python/dispatch_example.py`.
"""

import sys
from pathlib import Path

from omegaconf import OmegaConf

from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import HardwareRequest
from theseus.base.job import JobSpec
from theseus.core.inventory.inventory import Inventory
from theseus.dispatch import dispatch, load_dispatch_config, plan

EXAMPLES = Path(__file__).resolve().parents[1]

cfg = OmegaConf.load("train.yaml")
cfg.training.tokens = 20_000
spec = JobSpec(name="from-python", project="nanolm", group="examples")

# An empty inventory: no host is asked, and what the config declares counts.
planned = plan(
    inventory=Inventory(),
    cfg=cfg,
    spec=spec,
    hardware=HardwareRequest(
        chip=SUPPORTED_CHIPS["h100"], min_chips=8, preferred_clusters=["servers"]
    ),
    dispatch_config=load_dispatch_config(EXAMPLES / "dispatch.yaml"),
    dirty=True,
).unwrap()
print(f"eight H100 would be found on {planned.target.host}; {len(planned.steps)} steps")

# The same job for real, on this machine's CPU.
result = dispatch(
    cfg=cfg,
    spec=spec,
    hardware=HardwareRequest(min_chips=0),
    dispatch_config=load_dispatch_config(EXAMPLES / "local.yaml"),
    dirty=True,
    mem="1G",
)
if not result.ok:
    sys.exit(result.error)
print(f"run {result.run_id} was started on {result.host}; its log: {result.log_path}")
