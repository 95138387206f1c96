"""`python burst.py NUMBER`: submit `train.yaml` of the current directory so often, all at once."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from theseus.base.hardware import HardwareRequest
from theseus.base.job import JobSpec
from theseus.dispatch import DispatchResult, dispatch_async, load_dispatch_config


async def burst(number: int) -> list[DispatchResult]:
    """What became of *number* submissions."""
    cfg: Any = OmegaConf.load("train.yaml")
    config = load_dispatch_config()
    hardware = HardwareRequest(min_chips=0)
    return await asyncio.gather(
        *(
            dispatch_async(
                cfg=cfg,
                spec=JobSpec(name=f"burst {index}"),
                hardware=hardware,
                dispatch_config=config,
                start=Path.cwd(),
            )
            for index in range(number)
        )
    )


if __name__ == "__main__":
    results = asyncio.run(burst(int(sys.argv[1])))
    json.dump([{"run": each.run_id, "error": each.error} for each in results], sys.stdout)
