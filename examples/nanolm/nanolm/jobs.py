"""The one module that knows theseus: it registers the training under a key.

theseus imports it to find the job and its config, so numpy is imported only when the job runs.
"""

from __future__ import annotations

import os
import signal

from nanolm.config import TrainConfig
from nanolm.results import Results
from nanolm.termination import Interrupted
from theseus.base.job import ExecutionSpec
from theseus.registry import job


@job("nanolm/train", config=TrainConfig)
def train(config: TrainConfig, spec: ExecutionSpec) -> None:
    """Trains nanolm where *spec* says, and exits with 143 when SIGTERM cut it short."""
    from nanolm import training  # noqa: PLC0415 - numpy takes longer than reading the key

    print(f"run {spec.name}, start number {spec.restart_count + 1}", flush=True)
    results = Results(
        metrics=spec.result_path("metrics.csv"),
        summary=spec.result_path("summary.json"),
        sample=spec.result_path("sample.txt"),
    )
    try:
        training.train(config, spec.checkpoint_dir, results, os.environ)
    except Interrupted as stop:
        print(stop, flush=True)
        raise SystemExit(128 + signal.SIGTERM) from stop
