"""`python -m tests.effects.ledger_writer LEDGER WRITER COUNT`: submissions, as fast as they go.

Says each run's id when the ledger has said that it keeps it: `begun ID`, then `settled ID`.
"""

import sys
from pathlib import Path

from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import ClusterConfig, DispatchConfig, PlainHost
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.build import World, build_plan
from theseus.core.plan.payload import Job
from theseus.core.plan.placed import Assignment
from theseus.core.plan.plan import Plan, Run
from theseus.core.source.source import SourceSnapshot
from theseus.core.submit.submission import Accepted
from theseus.effects.ledger.ledger import Ledger
from theseus.effects.perform.release import this_release

CONFIG = DispatchConfig(
    {"hpc": ClusterConfig(root="~/root", work="~/work")},
    {"box": PlainHost("hpc", transport="local")},
)
SOURCE = SourceSnapshot("a" * 40, "b" * 40, dirty=False, subdirectory="", repository="project")


def a_plan(run_id: str, name: str = "demo") -> Plan:
    """A plan of a short command."""
    assignment = Assignment(
        Run(run_id, name, "project", "default", "command"),
        Job("command"),
        {"job": "command", "command": ["echo", "hello"]},
    )
    world = World(CONFIG, Inventory(), SOURCE, this_release())
    return build_plan(world, HardwareRequest(min_chips=0), assignment).unwrap()


def main(path: str, writer: str, count: str) -> None:
    """Write *count* runs."""
    for number in range(int(count)):
        run_id = f"20261124-{number:06}-{writer}"
        ledger = Ledger.open(Path(path)).unwrap()
        ledger.begin(a_plan(run_id)).unwrap()
        print("begun", run_id, flush=True)  # noqa: T201  what the test reads
        ledger.settle(run_id, Accepted(f"slurm {number}")).unwrap()
        print("settled", run_id, flush=True)  # noqa: T201  what the test reads


if __name__ == "__main__":
    main(*sys.argv[1:])
