"""A bench for faults: one desk with a plan, of which every case gets a copy with a run of its own.

A case is one fault in the submission of its run. All cases have one home, ledger and host; each has
a share of its own, so that every step has its work to do. What a plan starts on this machine is
not the real bootstrap, but a witness that it was started.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.cli.desk import Desk, Finished
from tests.e2e.faults.starters import Started, Starter, starter
from theseus.effects.submit.run_ids import new_run_id

WIRE = Path(__file__).with_name("wire.py")
# the shell that the local transport opens goes through the wire, and nothing else does
BASH = """\
PATH=${{PATH#*:}}
[ -z "$WIRE" ] || [ "$*" != '--noprofile --norc -s' ] || {{
  folder=$WIRE
  unset WIRE
  exec {python} -I -S {wire} "$folder" /bin/bash "$@"
}}
exec /bin/bash "$@"
"""
WORKERS = 2
# what is started in place of the real one, which takes a second: a witness that it was
BOOTSTRAP = """\
echo "${1##*/}" >>"$HOME/started"
: >"$1/starts"
outcome='{"state": "completed", "exit_status": 0, "message": "", "ended_at": null}'
echo "$outcome" >"$1/outcome.json"
"""


@frozen
class Fault:
    """That *kind* of fault at the *phase* of a *step*, as wire.py has them."""

    step: int
    phase: str
    kind: str


@frozen
class Case:
    """The submission of *run_id* by *plan*, a file, with *fault*."""

    run_id: str
    plan: Path
    fault: Fault
    folder: Path

    @property
    def struck(self) -> bool:
        """Whether the fault has come to pass."""
        return (self.folder / "struck").exists()


class Bench:
    """Cases on the desk of *starter*, made of one *plan*."""

    def __init__(self, starter: Starter, plan: str) -> None:
        self.starter = starter
        self.desk = starter.desk
        self._plan = plan
        self.steps: list[dict[str, Any]] = json.loads(plan)["steps"]

    def case(self, fault: Fault) -> Case:
        """A new case of *fault*."""
        run_id, planned = new_run_id(), json.loads(self._plan)["run"]["id"]
        folder = self.desk.place / "cases" / run_id
        folder.mkdir(parents=True)
        text = self._plan.replace(planned, run_id).replace("~/work", f"~/work/{run_id[-6:]}")
        case = Case(run_id, folder / "plan.json", fault, folder)
        case.plan.write_text(text)
        last = len(self.steps) - 1
        (folder / "fault").write_text(f"{fault.step} {fault.phase} {fault.kind} {last}")
        return case

    def begin(self, case: Case) -> Started:
        """Start the submission that fails."""
        words = ("apply", str(case.plan), "--force")
        path = f"{self.desk.home / 'wire'}:{self.desk.environment()['PATH']}"
        return self.starter.start(*words, WIRE=str(case.folder), PATH=path)

    def again(self, case: Case) -> Finished:
        """Apply the same plan once more."""
        return self.starter.theseus("apply", str(case.plan), "--force")

    def states(self) -> dict[str, str]:
        """The state of every run, by one `ps`."""
        finished = self.starter.theseus("ps", "--all", "--json")
        assert finished.status in {0, 4}, finished.err
        return {row["run"]: row["state"] for row in json.loads(finished.out)}

    def started(self) -> Counter[str]:
        """How often each run was started on this machine."""
        file = self.desk.home / "started"
        return Counter(file.read_text().split() if file.exists() else ())


@contextmanager
def benches(desk: Desk, number: int = WORKERS) -> Iterator[tuple[Bench, ...]]:
    """So many benches at *desk*, for the plan of its `train.yaml` as it is now."""
    text = f"#!/bin/sh\n{BASH.format(python=sys.executable, wire=WIRE)}"
    desk.write(str(desk.home / "wire" / "bash"), text, 0o755)
    with ExitStack() as stack:
        starters = [stack.enter_context(starter(desk)) for _ in range(number)]
        path = desk.place / "plan.json"
        finished = starters[0].theseus("plan", "demo", "train.yaml", "--dry-run", "-o", str(path))
        assert finished.status == 0, finished.err
        plan = json.loads(path.read_text())
        for step in plan["steps"]:
            if step.get("path", "").endswith("/bootstrap.sh"):
                step["content"] = {"from": "Text", "text": BOOTSTRAP}
        yield tuple(Bench(each, json.dumps(plan)) for each in starters)
