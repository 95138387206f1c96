"""Plans survive as JSON and as YAML; what is no plan is refused with what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from returns.result import Failure

from tests.strategies import plans
from theseus.core.codec import NotAPlan, OtherVersion, plan_data, plan_json, read_plan
from theseus.core.plan import Plan
from theseus.effects.plan_files import load_plan, save_plan


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
