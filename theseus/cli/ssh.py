"""`theseus ssh`: a shell where a run is."""

import os
import sys

from returns.pipeline import is_successful
from returns.result import Result

from theseus.cli.invoke import FAILED, say
from theseus.cli.report import report
from theseus.cli.run_words import RunWord, find_run
from theseus.core.errors import PlanError
from theseus.core.plan.plan import Plan
from theseus.core.runs.enter import enter_argv
from theseus.effects.hosts.system_ssh import SystemSsh
from theseus.effects.perform.package import packaged_content


def ssh(run: RunWord, /, *command: str) -> int:
    """Open a shell on the node of a run, in its work directory; or start a command there.

    In a SLURM job it shares what the job has. This process becomes the system's ssh.

    Parameters
    ----------
    run
        Run id, a part of one, or a name: the newest run of it.
    command
        Command to start instead of a shell, after `--`; its words arrive as they are.
    """
    planned: Result[Plan, PlanError] = find_run(run).bind(lambda entry: entry.plan)
    if not is_successful(planned):
        return report(planned.failure())
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    script = packaged_content("enter.sh").decode()
    argv = enter_argv(planned.unwrap(), command, script, SystemSsh().words(), terminal=terminal)
    sys.stdout.flush()
    try:
        os.execvp(argv[0], argv)  # noqa: S606  no shell is wanted here
    except OSError as error:
        say(f"{argv[0]}: {error.strerror}; install it on this machine")
        return FAILED
