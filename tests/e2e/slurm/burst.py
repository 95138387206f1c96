"""`python burst.py NAME NUMBER`: submit `train.yaml` of the current directory often, at once."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from theseus.base.hardware import HardwareRequest
from theseus.base.job import JobSpec
from theseus.dispatch import DispatchResult, dispatch_async, load_dispatch_config


async def burst(name: str, number: int) -> list[DispatchResult]:
    """What became of *number* submissions, of runs with *name*."""
    cfg: Any = OmegaConf.load("train.yaml")
    config = load_dispatch_config()
    hardware = HardwareRequest(min_chips=0)
    return await asyncio.gather(
        *(
            dispatch_async(
                cfg=cfg,
                spec=JobSpec(name=f"{name} {index}"),
                hardware=hardware,
                dispatch_config=config,
                start=Path.cwd(),
            )
            for index in range(number)
        )
    )


if __name__ == "__main__":
    results = asyncio.run(burst(sys.argv[1], int(sys.argv[2])))
    json.dump([{"run": each.run_id, "error": each.error} for each in results], sys.stdout)
