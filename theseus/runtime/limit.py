"""The time a run has.

Here: when it is over, when a job is told so where SLURM does not, and whether that is why one was
told to stop. Never here: telling it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Mapping

WARNING_SECONDS = 60.0  # before the end; on SLURM by the --signal=TERM@60 of a submission
# sbatch(1), --signal: the signal may be sent up to 60 seconds earlier than specified.
EARLIER_SECONDS = 60.0
SHORT_SECONDS = 300.0  # a run that has no more is told at its end, on SLURM too
SLACK_SECONDS = 5.0  # between clocks, and for what is left to do once a job has ended
PLAIN_GRACE = 30.0
SLURM_GRACE = 25.0  # slurm.conf(5): KillWait, after which everything is killed, is 30 by default


@dataclass(frozen=True)
class TimeLimit:
    """When a run has to be over, in seconds since the epoch; never, where nothing limits it.

    On a plain host its job is told to stop *told_after* seconds; SLURM tells a job itself.
    """

    end: float = math.inf
    told_after: float = math.inf

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> TimeLimit:
        """That of the run in *environment*; its THESEUS_TIME_LIMIT begins now.

        batch.sh asks SLURM for SLURM_JOB_END_TIME where SLURM did not set it.
        """
        end = environment.get("SLURM_JOB_END_TIME", "")
        if end.isdecimal():
            return cls(float(end))
        minutes = environment.get("THESEUS_TIME_LIMIT", "")
        if not minutes.isdecimal():
            return cls()
        seconds = 60.0 * int(minutes)
        if "SLURM_JOB_ID" in environment:
            return cls(time.time() + seconds)
        warning = WARNING_SECONDS if seconds > SHORT_SECONDS else 0.0
        return cls(time.time() + seconds, seconds - warning)

    def explains(self, at: float) -> bool:
        """Whether this limit is why something was told to stop *at* that time."""
        return self.end - at <= WARNING_SECONDS + EARLIER_SECONDS + SLACK_SECONDS

    def grace(self, environment: Mapping[str, str], at: float) -> float:
        """How many seconds a job has to end, once it was told to *at* that time."""
        usual = SLURM_GRACE if "SLURM_JOB_ID" in environment else PLAIN_GRACE
        seconds = float(environment.get("THESEUS_GRACE") or usual)
        return max(seconds, self.end - at - SLACK_SECONDS) if self.explains(at) else seconds
