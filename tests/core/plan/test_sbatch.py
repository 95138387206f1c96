"""The words of sbatch, and of the question whether it would take them."""

from tests.cases.case import CASES, planned
from tests.core.bash import spoken
from theseus.core.plan import sbatch
from theseus.core.plan.steps import Submit

PLAN = planned(CASES / "slurm-fits").unwrap()


def submit() -> Submit:
    """The last step of a plan on SLURM."""
    step = PLAN.steps[-1]
    assert isinstance(step, Submit)
    return step


def test_every_option_is_a_word() -> None:
    """What the config and the request say stands in the words; a `%` of a path is doubled."""
    words = submit().argv
    for word in (
        *("--partition=gpu", "--nodes=1", "--gres=gpu:h100_80gb:8", "--cpus-per-task=16"),
        *("--mem=102400M", "--time=12:00:00", "--account=ml", "--qos=high", "--exclude=n[8-9]"),
        *("--constraint=ib", "--mail-type=END", "--export=NONE", f"--chdir={PLAN.paths.run}"),
    ):
        assert word in words
    assert f"--output={PLAN.paths.log.replace('%', '%%')}" in words
    assert words[-1] == PLAN.paths.run


def test_only_a_question() -> None:
    """`sbatch --test-only` gets the same options, and a script from standard input."""
    _, _, _, program, *words = sbatch.test_argv(submit())
    heard = spoken(
        f"sbatch() {{ cat >/dev/null; printf '%s\\0' \"$@\"; }}; {program}", "", *words[1:]
    )
    assert heard == ["--test-only", *submit().argv[1:-2]]


def test_estimate() -> None:
    """The line that tells the start is found among what sbatch prints."""
    line = "Job 7 to start at 2026-11-24T12:00:00 using 8 processors on nodes n1 in partition gpu"
    assert sbatch.estimated_start(f"sbatch: warning: x\nsbatch: {line}\n") == line
    assert sbatch.estimated_start("sbatch: error: no") is None
