"""sbatch: the exact words by which a run is handed to SLURM.

sbatch(1): command line options override environment variables, which override `#SBATCH` lines. So
every option is a word here, and the environment of sbatch is scrubbed where it is run.
"""

from collections.abc import Iterator

from theseus.core.config.config import SlurmHost
from theseus.core.plan.placed import Placed
from theseus.core.plan.steps import Submit
from theseus.core.text.quantity import show_duration

SIGNAL_AHEAD = 60  # seconds before the time limit at which the job gets TERM
# sbatch(1), --signal: it may be sent up to 60 seconds early, which is most of a short run's time.
# Such a run is told at its limit, as all are, and has the KillWait of the cluster.
SHORT = 5  # minutes
BATCH_SCRIPT = "batch.sh"
_MIB = 2**20


def sbatch_argv(placed: Placed, host: SlurmHost) -> tuple[str, ...]:
    """The argv of sbatch for *placed* on *host*."""
    paths = placed.paths
    return (
        "sbatch",
        "--parsable",
        *_options(placed, host),
        *host.sbatch,
        f"{paths.run}/{BATCH_SCRIPT}",
        paths.run,
    )


def test_argv(submit: Submit) -> tuple[str, ...]:
    """The command that asks SLURM whether it would take *submit*, and when it would start.

    The script comes from standard input, since none is there yet. sbatch(1): --test-only validates
    the batch script and gives an estimate of when a job would be scheduled.
    """
    *sbatch, _, _ = submit.argv
    program = 'printf "#!/bin/sh\\n" | "$@"'
    return ("slurm", "sh", "-c", program, "sh", sbatch[0], "--test-only", *sbatch[1:])


def estimated_start(said: str) -> str | None:
    """The line in which `sbatch --test-only` tells when and where the job would start."""
    lines = (line.removeprefix("sbatch: ").strip() for line in said.splitlines())
    return next((line for line in lines if " to start at " in line), None)


def _options(placed: Placed, host: SlurmHost) -> Iterator[str]:
    run, allocation, paths = placed.assignment.run, placed.choice.allocation, placed.paths
    yield f"--job-name={run.name}-{run.id}"
    yield f"--comment=theseus:{run.id}"
    yield f"--partition={placed.choice.partition}"
    yield f"--nodes={allocation.nodes}"
    yield "--ntasks-per-node=1"
    yield from _given("--gres", allocation.gres)
    yield from _given("--cpus-per-task", allocation.cpus)
    if allocation.memory is not None:
        # whole mebibytes, rounded up: never less than was asked
        yield f"--mem={-(-allocation.memory // _MIB)}M"
    if allocation.time is not None:
        yield f"--time={show_duration(allocation.time)}"
    yield from _given("--account", host.account)
    yield from _given("--qos", host.qos)
    yield from _given("--exclude", ",".join(allocation.exclude) or None)
    yield from _given("--constraint", allocation.constraint)
    if allocation.time is None or allocation.time > SHORT:
        yield f"--signal=TERM@{SIGNAL_AHEAD}"
    yield "--requeue"
    yield "--open-mode=append"
    yield f"--output={filename_pattern(paths.log)}"
    yield f"--chdir={paths.run}"
    yield "--export=NONE"


def _given(option: str, value: object) -> Iterator[str]:
    if value is not None:
        yield f"{option}={value}"


def filename_pattern(path: str) -> str:
    """*path* as a filename pattern. sbatch(1), "filename pattern": `%%` stands for one `%`."""
    return path.replace("%", "%%")
