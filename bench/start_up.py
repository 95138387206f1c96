"""How long a warm run takes from bootstrap's first line to the job's first line, and where it goes.

Warm: the source archive, the runtime and the environment are on the host. Run it with
`.venv/bin/python -m bench.start_up [RUNS]`; the machine should have nothing else to do.

The total is taken from runs as they are; the breakdown from further ones that bash traces.
"""

import os
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tests.runtime.host import Site, Source
from tests.runtime.projects import packaged
from theseus.effects.perform.package import RUNTIME, packaged_content

LIMIT = 0.5  # seconds
JOB = """\
import time
from theseus.registry import job

@job("tiny/clock")
def clock(cfg, spec):
    print("began", time.time())
"""
TRACE = "+ ${EPOCHREALTIME} ${FUNCNAME[0]:-top} "
LINE = re.compile(r"\++ (\d+\.\d+) (\w+) (.*)")


def main(runs: int) -> int:
    """Print the median over *runs* of the total and of each stage; 1 when it is over the limit."""
    with tempfile.TemporaryDirectory(prefix="theseus-bench-") as scratch:
        site = Site(Path(scratch, "home"), Path(scratch, "runtime.zip"))
        site.runtime.write_bytes(packaged_content(RUNTIME))
        first = Source(files=_files(), job=_job())
        _run(site.another("first", first))  # builds the environment
        totals = [_run(site.another(f"r{each}", first)) for each in range(runs)]
        traced = [_traced(site.another(f"t{each}", first)) for each in range(runs)]
        busy = _seconds_of_cpu(site.another("busy", first))
    total = statistics.median(totals)
    print(f"{total:6.3f} s  from bootstrap's first line to the job's, median of {runs}")
    print(f"{min(totals):6.3f} s  the best of them")
    print(f"{busy:6.3f} s  of CPU for a whole run, its end included; load {os.getloadavg()[0]:.1f}")
    print("by stage, with bash tracing:")
    for stage in traced[0]:
        print(f"{statistics.median(each.get(stage, 0.0) for each in traced):8.3f}  {stage}")
    return 0 if total < LIMIT else 1


def _files() -> dict[str, str]:
    return {**packaged("bench"), "jobs.py": JOB}


def _job() -> dict[str, object]:
    return {"key": "tiny/clock", "module": "jobs", "paths": ["."]}


def _run(site: Site) -> float:
    """Seconds from the first line of bootstrap.sh to the job's, in a run as it is."""
    bootstrap = site.run_dir / "bootstrap.sh"
    text = bootstrap.read_text()
    bootstrap.write_text(text.replace("\n", "\necho begun $EPOCHREALTIME\n", 1))
    if site.run():
        sys.exit(site.log)
    begun = re.findall(r"^begun (.*)", site.log, re.MULTILINE)[-1]
    return _began(site) - float(begun)


def _began(site: Site) -> float:
    return float(re.findall(r"^began (.*)", site.log, re.MULTILINE)[-1])


def _seconds_of_cpu(site: Site) -> float:
    before = os.times()
    site.run()
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def _traced(site: Site) -> dict[str, float]:
    """Seconds of each stage, by the times at which bash came to the lines at the script's top."""
    bootstrap, trace = site.run_dir / "bootstrap.sh", site.run_dir / "trace"
    begin = f"\nexec {{BASH_XTRACEFD}}>'{trace}'; PS4='{TRACE}'; set -x\n"
    bootstrap.write_text(bootstrap.read_text().replace("\n", begin, 1))
    if site.run():
        sys.exit(site.log)
    steps = [*_steps(trace.read_text(errors="replace")), (_began(site), "end")]
    stages: dict[str, float] = {}
    for (at, name), (until, _) in pairwise(steps):
        stages[name] = stages.get(name, 0.0) + until - at
    return {name: seconds for name, seconds in stages.items() if seconds >= 0}


def _steps(trace: str) -> Iterator[tuple[float, str]]:
    known = "the script's own first lines"
    for at, function, command in LINE.findall(trace):
        if function != "top":
            continue
        if command.startswith("theseus_") and "=" not in command:
            known = command
        yield float(at), known


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
