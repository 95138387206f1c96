"""Job end: what it means when a run is gone that recorded no end, by SLURM's word for its job.

Only words. What the run itself recorded is its outcome, and stands above this.
"""

from typing import Final

_KILLED: Final = "it was killed, or the host was restarted"
# squeue(1), "JOB STATE CODES" and "JOB REASON CODES"; the first that is among its words counts
_MEANINGS: Final = (
    (
        "JobLaunchFailure",
        "its node could not open the log: `log` and `share` must lie on storage that all nodes see",
    ),
    ("DependencyNeverSatisfied", "the run it waited for did not complete"),
    ("CANCELLED", "somebody cancelled it before it could record its end"),
    ("TIMEOUT", "its time was over before it could record its end: ask for more with --time"),
    ("OUT_OF_MEMORY", "it needed more memory than it had: ask for more with --mem"),
    ("NODE_FAIL", "its node failed, and SLURM did not start it again: submit it again"),
    ("BOOT_FAIL", "its node did not start: submit it again"),
    ("PREEMPTED", "it had to make room for another job: submit it again"),
    ("FORGOTTEN", "SLURM does not remember its job any more"),
)


def explain_end(said: str) -> str:
    """What *said*, a state and a reason of squeue, means; nothing was said of a plain run.

    >>> explain_end("CANCELLED None")
    'SLURM says CANCELLED; somebody cancelled it before it could record its end'
    """
    words = [word for word in said.split() if word != "None"]
    if not words:
        return _KILLED
    meaning = next((text for word, text in _MEANINGS if word in words), "look at its log")
    return f"SLURM says {' '.join(words)}; {meaning}"
