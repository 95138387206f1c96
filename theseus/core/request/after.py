"""After: the run that another one waits for, as `--after` names it.

Only names and places. Whether that run has ended is known on the host alone: `sh/perform.sh` looks
when it submits to SLURM, `theseus.runtime.after` waits on a plain host.
"""

import re

RUN_ID_FORM = "a run id such as 20261124-131501-k7f2qx"
_RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-z]{6}")


def run_id_problem(text: str) -> str | None:
    """What is wrong with *text* as a run id; None when it is one.

    >>> run_id_problem("my-run")
    "expected a run id such as 20261124-131501-k7f2qx, got 'my-run'"
    """
    return None if _RUN_ID.fullmatch(text) else f"expected {RUN_ID_FORM}, got {text!r}"


def run_dir_of(share: str, run_id: str) -> str:
    """Where the run directory of *run_id* lies beneath *share*."""
    return f"{share}/runs/{run_id}"
