"""Plans: the same inputs give the same plan, which holds everything and no secret."""

import asyncio
from pathlib import PurePosixPath

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from tests.strategies import assignments, plans, requests, worlds
from theseus.core.config.secrets import EnvironmentSecret, Referenced
from theseus.core.plan.build import World, build_plan
from theseus.core.plan.codec import plan_json
from theseus.core.plan.outcome import Done, Outcome
from theseus.core.plan.payload import separate_secrets
from theseus.core.plan.placed import Assignment
from theseus.core.plan.plan import Plan
from theseus.core.plan.render import render_plan
from theseus.core.plan.steps import Launch, MakeDir, PutSecrets, Segment, segments
from theseus.effects.perform.perform import perform
from theseus.effects.perform.recording import RecordingPerformer


@given(worlds(), assignments(), st.data())
def test_deterministic(world: World, assignment: Assignment, data: st.DataObject) -> None:
    """The same inputs give the same plan, byte for byte."""
    request = data.draw(requests())
    made = build_plan(world, request, assignment)
    assert build_plan(world, request, assignment) == made
    if is_successful(made):
        again = build_plan(world, request, assignment).unwrap()
        assert plan_json(again) == plan_json(made.unwrap())
        assert render_plan(again) == render_plan(made.unwrap())


@given(plans())
def test_places(plan: Plan) -> None:
    """A plan writes where it made a directory, for its owner alone, and starts the run at last."""
    made = {step.path for step in plan.steps if isinstance(step, MakeDir)} | {plan.paths.run}
    written = {
        str(PurePosixPath(path).parent)
        for step in plan.steps
        if (path := getattr(step, "path", None)) is not None and not isinstance(step, MakeDir)
    }
    assert written <= {str(PurePosixPath(path)) for path in made}
    assert isinstance(plan.steps[-1], Launch)
    assert {step.host for step in plan.steps} == {plan.target.host}
    modes = [mode for step in plan.steps if (mode := getattr(step, "mode", None)) is not None]
    assert not any(mode & 0o077 for mode in modes)


@given(plans())
def test_this_machine(plan: Plan) -> None:
    """A run that stays here is shown to stay here, also where the config names an ssh alias."""
    here = evolve(plan, target=evolve(plan.target, ssh="elsewhere", transport="local"))
    assert ", this machine)" in render_plan(here)
    assert "ssh elsewhere" not in render_plan(here)


@given(plans())
def test_shown_whole(plan: Plan) -> None:
    """A plan is shown with each of its steps, numbered."""
    text = render_plan(plan)
    for number in range(1, len(plan.steps) + 1):
        assert f"{number:>{len(str(len(plan.steps)))}}  " in text
    assert all(line.host in text for line in plan.trace)


class Trusting:
    """A performer for which everything is done."""

    async def perform(self, segment: Segment) -> tuple[Outcome, ...]:
        """Say that each step is done."""
        return (Done(),) * len(segment.steps)


@given(plans())
def test_recorded_steps_are_the_plan(plan: Plan) -> None:
    """What a performer is asked to do is the plan's steps: all of them, in order, no others."""
    elsewhere = tuple(evolve(step, host="elsewhere") for step in plan.steps)
    for steps in (plan.steps, plan.steps + elsewhere + plan.steps):
        recorder = RecordingPerformer(Trusting())
        performance = asyncio.run(perform(steps, recorder))
        recorded = [step for done in recorder.recording.performed for step in done.segment.steps]
        assert tuple(recorded) == steps
        assert len(performance.outcomes) == len(steps)
        assert tuple(done.segment for done in recorder.recording.performed) == segments(steps)


def test_secrets_of_a_job_config() -> None:
    """A reference that stands twice is one variable; each part of a text keeps its place."""
    token = Referenced("s3cret", (EnvironmentSecret("TOKEN"),))
    url = Referenced("https://s3cret@x", ("https://", EnvironmentSecret("TOKEN"), "@x"))
    separate = separate_secrets({"job": "a", "key": token, "deep": [{"url": url}, (1,)]})
    variable = {"variable": "THESEUS_SECRET_0"}
    assert separate.values == {
        "key": {"$secret": [variable]},
        "deep": [{"url": {"$secret": ["https://", variable, "@x"]}}, [1]],
    }
    assert [secret.variable for secret in separate.secrets] == ["THESEUS_SECRET_0"]
    assert "s3cret" not in repr(separate)


@given(worlds(), assignments(), st.data())
def test_no_secret_in_a_plan(world: World, assignment: Assignment, data: st.DataObject) -> None:
    """The text of what came from the environment stands nowhere in a plan."""
    secret = Referenced("s3cr3t-t3xt", (EnvironmentSecret("TOKEN"),))
    config = world.config
    hosts = {
        name: evolve(host, env={**host.env, "HELD": secret}) for name, host in config.hosts.items()
    }
    made = build_plan(
        evolve(world, config=evolve(config, hosts=hosts)),
        data.draw(requests()),
        evolve(assignment, config={**assignment.config, "key": [secret]}),
    )
    if is_successful(made):
        plan = made.unwrap()
        assert "s3cr3t" not in plan_json(plan)
        assert "s3cr3t" not in render_plan(plan)
        held = [step for step in plan.steps if isinstance(step, PutSecrets)]
        assert held
