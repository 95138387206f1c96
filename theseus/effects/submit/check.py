"""Check: asks a SLURM cluster whether it would take exactly what a plan submits."""

from returns.result import Failure, Result, Success

from theseus.core.errors import PlanError, StepFailed
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.plan.plan import Plan
from theseus.core.plan.sbatch import estimated_start, test_argv
from theseus.core.plan.script import describe_step
from theseus.core.plan.steps import Submit
from theseus.core.submit.refusals import refusal_advice
from theseus.effects.hosts.shells import ShellUnavailable
from theseus.effects.perform import exchange
from theseus.effects.perform.reach import alias_of, shells

NOTHING_TO_ASK = "no scheduler to ask: a plain host starts the run at once"


async def check(plan: Plan) -> Result[str, PlanError]:
    """What SLURM says of the submission of *plan*: when it would start, or why it refuses."""
    submit = plan.steps[-1]
    if not isinstance(submit, Submit):
        return Success(NOTHING_TO_ASK)
    try:
        async with shells(alias_of(plan.target)) as open_shell, open_shell(submit.host) as shell:
            answers = await exchange.ask(shell, [test_argv(submit)])
    except ShellUnavailable as unavailable:
        return Failure(unavailable.error)
    if isinstance(answers, exchange.Lost):
        return Failure(HostUnreachable(submit.host, answers.reason, "try again"))
    (answer,) = answers
    said = (answer.errors + answer.output.decode("utf-8", "replace")).strip()
    if answer.status == 0:
        return Success(f"SLURM would take it: {estimated_start(said) or said}")
    advice = refusal_advice(said)
    message = said if advice is None else f"{said}; {advice}"
    return Failure(
        StepFailed(plan.run.id, submit.host, len(plan.steps), describe_step(submit), message)
    )
