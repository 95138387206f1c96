"""Files that theseus wrote for its user are known by their beginnings."""

import pytest

from tests.cases.case import CASES, planned
from tests.core.plan.test_packed import contents
from theseus.core.plan.codec import plan_data, plan_json
from theseus.core.plan.own_files import LONGEST_BEGINNING, is_own
from theseus.core.plan.packed import packed_text
from theseus.core.text.json_text import json_text
from theseus.effects.perform.package import PACKED, packaged_content
from theseus.effects.reading.plan_files import plan_yaml

SAMPLES = ("slurm-fits", "secrets-from-the-environment", "slurm-one", "queue-free-now")


@pytest.mark.parametrize("case", SAMPLES)
def test_own(case: str) -> None:
    """Plans of both forms and packed runs are known, by the part of them that is read."""
    plan = planned(CASES / case).unwrap()
    packed = packed_text(plan, packaged_content(PACKED).decode(), contents(plan))
    recording = json_text({"version": 1, "plan": plan_data(plan), "performed": []})
    for text in (plan_json(plan), plan_yaml(plan), packed, recording):
        assert is_own(text.encode()[:LONGEST_BEGINNING])


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"version": 1}',
        "version: 1\nservices:\n  web:\n",
        "job: command\nversion: 1\ntheseus: 1\nrun:\n  id: x\n",
        "#!/usr/bin/env bash\n# A script of the user's own\n",
    ],
)
def test_of_others(text: str) -> None:
    """What merely resembles them is not."""
    assert not is_own(text.encode())
