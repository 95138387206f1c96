"""The command line: words in, text and exit statuses out. The only place that makes exit statuses.

Each command lives in a module of its own, which is imported when the command is called.
"""

import atexit
import gc
import os
import sys

from theseus import __version__

TYPE_CHECKING = False  # importing typing would double the time of --version
if TYPE_CHECKING:
    from cyclopts import App

COMMANDS = {
    "plan": "Show where a run would go and everything that would be done; change nothing.",
    "submit": "Plan a run and start it.",
    "apply": "Perform a saved plan.",
    "replay": "Perform a recorded submission again, without its host.",
    "bootstrap": "Write a run as one file, to be started by hand with bash or sbatch.",
    "run": "Run a job here, in this process, without dispatching it.",
    "ps": "Show runs and how they are now.",
    "wait": "Stay until runs have ended.",
    "logs": "Print the log of a run; with --follow, stay until it ends.",
    "cancel": "End runs for good.",
    "pull": "Bring the results or checkpoints of a run here.",
    "ssh": "Open a shell on the node of a run, in its work directory.",
    "recover": "Find out whether a run was submitted whose answer never came.",
    "resubmit": "Submit a run once more, as a new run.",
    "explain": "Show how the host of a run was chosen.",
    "hosts": "Ask all hosts at once what they have and what is free.",
    "doctor": "Examine hosts and say what to do where they are not fit for runs.",
    "login": "Open the connection to a host once, so that no command asks for anything.",
    "clean": "Remove what runs have left behind and no run uses any more.",
    "jobs": "List the jobs that can be run.",
    "configure": "Write a job config with every field and default of a job.",
    "completion": "Print a completion script for your shell.",
}

# what follows the names of commands that take words which may be left out: cyclopts calls them ARGS
USAGES = {
    "plan": "[OPTIONS] NAME CONFIG [OVERRIDES...]",
    "submit": "[OPTIONS] NAME CONFIG [OVERRIDES...]",
    "bootstrap": "--output FILE [OPTIONS] NAME CONFIG [OVERRIDES...]",
    "run": "[OPTIONS] NAME CONFIG OUT [OVERRIDES...]",
    "ps": "[OPTIONS] [RUNS...]",
    "wait": "[OPTIONS] RUN [MORE...]",
    "cancel": "RUN [MORE...]",
    "pull": "[OPTIONS] RUN [PATTERN]",
    "ssh": "RUN [-- COMMAND...]",
    "resubmit": "[OPTIONS] RUN [OVERRIDES...]",
    "doctor": "[OPTIONS] [HOSTS...]",
    "clean": "[OPTIONS] [HOSTS...]",
    "configure": "[OPTIONS] JOB OUTPUT [OVERRIDES...]",
}

EPILOGUE = """\
Examples:
  theseus run local train.yaml out training.tokens=20000   try it here, small
  theseus plan my-run train.yaml --chip h100 --n_chips 8   read what it would do
  theseus submit my-run train.yaml --chip h100 --n_chips 8 --follow
  theseus plan my-run train.yaml -o my.plan.yaml && theseus apply my.plan.yaml

Exit status: 0 done, 1 failed, 2 bad input, 3 nothing fits, 4 host unreachable,
5 submission unknown; with --follow, that of the job.
"""


def main() -> None:
    """The console script `theseus`."""
    _open_streams()
    try:
        _main()
    except KeyboardInterrupt:  # while modules are imported: `invoke` says it from then on
        sys.stderr.write("theseus: interrupted\n")
        sys.exit(130)  # as shells have it: 128 + SIGINT


def _main() -> None:
    if sys.argv[1:] == ["--version"]:
        # answered before anything is imported
        sys.stdout.write(f"theseus {__version__}\n")
        return
    gc.set_threshold(200_000)  # looking for garbage takes a twentieth of a life as short as this
    from theseus.cli.invoke import invoke, speak_utf8  # noqa: PLC0415  cyclopts takes 50 ms that --version does not need

    speak_utf8()
    app = application()
    ending = _Ending()
    if [word for word in sys.argv[1:] if not word.startswith("-")][:1] != ["run"]:
        # before what is imported now registers anything, and so called after it
        atexit.register(ending.end)
    ending.status = invoke(app, sys.argv[1:])
    sys.exit(ending.status)


class _Ending:
    """The end of the process, without taking its objects apart one by one.

    That is a tenth of the life of a short command. What others have left for the end is done by
    then, and threads have ended. `run` ends as Python does: its job may have left files open.
    """

    status = 1

    def end(self) -> None:
        """Write what is still to be written, and end."""
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # the interpreter says what cannot be written
        os._exit(self.status)


def _open_streams() -> None:
    """Put the null device where a standard stream was closed before theseus began."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            lowest = os.open(os.devnull, os.O_RDWR)  # the number that the closed stream had
            os.set_inheritable(lowest, True)  # noqa: FBT003  has no other form
            setattr(sys, name, open(lowest, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  a descriptor, open to the end


def application() -> "App":
    """The command line as a cyclopts application; no command is imported."""
    from cyclopts import App  # noqa: PLC0415  50 ms that --version does not need

    app = App(
        name="theseus",
        help="Send machine-learning jobs to SSH hosts and clusters, by a plan you can read first.",
        help_epilogue=EPILOGUE,
        version=f"theseus {__version__}",
        version_flags=["--version"],
        help_format="plaintext",
        suppress_keyboard_interrupt=False,  # invoke says it
    )
    for name, summary in COMMANDS.items():
        words = USAGES.get(name)
        app.command(
            f"theseus.cli.{name}:{name}",
            name=name,
            help=summary,
            help_epilogue="",
            usage=None if words is None else f"Usage: theseus {name} {words}",
        )
    return app
