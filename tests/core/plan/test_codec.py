"""Plans survive as JSON and as YAML; what is no plan is refused with what is wrong."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from returns.result import Failure

from tests.cases.case import CASES, planned
from tests.strategies import plans
from theseus.core.plan.codec import plan_data, plan_json, read_plan
from theseus.core.plan.plan import NotAPlan, OtherVersion, Plan
from theseus.core.text.json_text import json_text
from theseus.effects.reading.plan_files import load_plan, save_plan


@given(plans())
def test_json_round_trip(plan: Plan) -> None:
    """A plan read back from its JSON is the plan, whatever texts it holds."""
    text = plan_json(plan)
    assert read_plan(json.loads(text)).unwrap() == plan
    assert text.encode().decode() == text


@pytest.mark.parametrize("name", ["plan.json", "plan.yaml"])
def test_file_round_trip(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A plan read back from a file is the plan, whatever texts it holds."""
    path = str(tmp_path_factory.mktemp("plans") / name)

    @given(plans())
    def survives(plan: Plan) -> None:
        assert save_plan(plan, path).unwrap() is None
        assert load_plan(path).unwrap() == plan

    survives()


PLAN = planned(CASES / "gpu-pinned").unwrap()


def changed(**keys: Any) -> Any:
    """The data of a plan with other values."""
    return {**plan_data(PLAN), **keys}


def problems(data: Any) -> str:
    """Why *data* is no plan."""
    refused = read_plan(data).failure()
    assert isinstance(refused, NotAPlan)
    return "; ".join(refused.problems)


@pytest.mark.parametrize("data", [None, [], "plan", {}, {"run": {}}])
def test_no_plan(data: Any) -> None:
    """What has no schema version is no plan."""
    assert problems(data) == "it has no key 'version'"


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_other_version(version: object) -> None:
    """A plan of another schema version is refused as such, whatever else it holds."""
    assert read_plan({"version": version}) == Failure(OtherVersion(version, 1))


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"extra": 1}, "extra"),
        ({"notes": [1]}, "expected str @ plan.notes[0]"),
        ({"version": True}, "expected int @ plan.version"),
        ({"source": {**plan_data(PLAN)["source"], "dirty": "false"}}, "plan.source.dirty"),
        ({"run": {"id": "x"}}, "required field missing"),
        ({"steps": [{"step": "Explode", "host": "box"}]}, "plan.steps[0]"),
        ({"allocation": {**plan_data(PLAN)["allocation"], "total_chips": 7}}, "plan.allocation"),
        ({"request": {**plan_data(PLAN)["request"], "chip": "potato"}}, "plan.request"),
        ({"source": {**plan_data(PLAN)["source"], "tree": "HEAD"}}, "plan.source"),
    ],
)
def test_wrong_plan(keys: dict[str, Any], problem: str) -> None:
    """A plan that was changed by hand into something else is refused with the place."""
    assert problem in problems(changed(**keys))


def test_contract() -> None:
    """The keys that others rely on are there."""
    data = plan_data(PLAN)
    assert set(data["run"]) >= {"id", "name", "project", "group", "job"}
    assert set(data["target"]) >= {"host", "type", "cluster", "partition"}
    assert set(data["allocation"]) >= {"chip", "nodes", "chips_per_node", "total_chips"}
    assert set(data["trace"][0]) >= {"host", "partition", "verdict", "reason"}
    assert set(data) >= {"source", "steps"}


def test_references_read_back() -> None:
    """A secret joined of texts and references reads back, part by part."""
    plan = planned(CASES / "secrets-from-the-environment").unwrap()
    assert read_plan(json.loads(plan_json(plan))).unwrap() == plan


def test_text_with_bytes_that_are_no_utf8() -> None:
    """Bytes of a file's name that are no UTF-8 are written as escapes, and read back."""
    text = json_text({"name": "caf\udce9"})
    assert text.isascii()
    assert json.loads(text) == {"name": "caf\udce9"}


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"steps": ()}, "its last step starts nothing"),
        ({"steps": PLAN.steps[:-1]}, "its last step starts nothing"),
        (
            {"steps": (evolve(PLAN.steps[0], host="other"), *PLAN.steps[1:])},
            "it has steps on other hosts than its target 'box'",
        ),
        (
            {"target": evolve(PLAN.target, ssh=None)},
            "its target has no `ssh`, and is not this machine either",
        ),
        ({"run": evolve(PLAN.run, id="other")}, "its run directory is that of another run"),
        ({"trace": ()}, "its trace is empty"),
    ],
)
def test_plan_that_contradicts_itself(keys: dict[str, Any], problem: str) -> None:
    """A plan that was edited into a contradiction is refused, with what contradicts."""
    assert problems(plan_data(evolve(PLAN, **keys))) == problem
