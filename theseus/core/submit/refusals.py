"""Refusals of sbatch: its own words, and what to do about each."""

from typing import Final

# slurm/src/common/slurm_errno.c; each piece is matched anywhere in what sbatch printed
_ADVICE: Final = (
    # first: `Requested node configuration …` follows it on a line of its own
    (
        "Memory specification can not be satisfied",
        "no node has that much memory: lower --mem",
    ),
    (
        "Requested node configuration is not available",
        "no node has this: look at `theseus hosts`, and at gres_mapping, constraint and exclude",
    ),
    (
        "invalid partition specified",
        "correct `partitions` in the dispatch config: `sinfo` there lists them",
    ),
    (
        "Invalid account or account/partition combination",
        "correct `account`: `sacctmgr show assoc user=$USER` there lists yours",
    ),
    ("Invalid qos specification", "correct `qos`: `sacctmgr show assoc user=$USER` lists yours"),
    (
        "Requested time limit is invalid",
        "the partition allows less time: lower --time",
    ),
    (
        "Job violates accounting/QOS policy",
        "a limit of your account or QOS is reached: wait, or ask for less",
    ),
    (
        "Unable to contact slurm controller",
        "SLURM does not answer there: try again later; nothing was submitted",
    ),
    ("Invalid feature specification", "correct `constraint`: `sinfo -o %f` there lists features"),
    ("Invalid generic resource", "correct gres_mapping: `sinfo -o %G` there lists GRES types"),
    ("Node count specification invalid", "ask for fewer nodes: lower --n_chips or --nodes"),
    (
        "Invalid job array specification",
        "this cluster allows fewer runs in an array (MaxArraySize): submit the sweep in parts",
    ),
    ("Socket timed out", "SLURM did not answer in time: apply the same plan again"),
)


def refusal_advice(message: str) -> str | None:
    """What to do when sbatch printed *message*; None for one that speaks for itself."""
    return next((advice for words, advice in _ADVICE if words in message), None)
