"""The result files of a training: what a person looks at afterwards.

`metrics.csv` grows as the training goes; `summary.json` and `sample.txt` are written at its end.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

HEADER = ("step", "tokens", "loss", "tokens_per_second")


@dataclass(frozen=True)
class Results:
    """Where the result files lie."""

    metrics: Path
    summary: Path
    sample: Path

    def begin(self, step: int) -> None:
        """Starts `metrics.csv`, or goes on with it: rows after *step* will be written again."""
        rows: list[list[str]] = []
        if step and self.metrics.exists():
            with self.metrics.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.reader(file) if is_metric(row) and int(row[0]) <= step]
        with self.metrics.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([HEADER, *rows])

    def add_metric(self, step: int, tokens: int, loss: float, tokens_per_second: float) -> None:
        """Appends one row to `metrics.csv`."""
        with self.metrics.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([step, tokens, f"{loss:.6f}", f"{tokens_per_second:.0f}"])

    def finish(self, summary: dict[str, float], sample: str) -> None:
        """Writes `summary.json` and `sample.txt`."""
        self.summary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        self.sample.write_text(sample + "\n", encoding="utf-8")


def is_metric(row: list[str]) -> bool:
    """Whether *row* is a whole row of figures: not the header, not one cut short by a kill."""
    return len(row) == len(HEADER) and row[0].isdecimal()
