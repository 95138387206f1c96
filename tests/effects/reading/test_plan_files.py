"""Plan files: saved for their owner alone, read back equal, refused when they are none."""

import os
import stat
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.desk import new_desk
from theseus.base.hardware import HardwareRequest
from theseus.base.job import JobSpec
from theseus.core.errors import PlanUnusable, Unreadable
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.plan import NotAPlan, OtherVersion, Plan
from theseus.dispatch import load_dispatch_config
from theseus.dispatch import plan as make_plan
from theseus.effects.reading.plan_files import load_plan, plan_output, plan_yaml, save_plan


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A plan."""
    desk = new_desk(tmp_path_factory.mktemp("desk") / "user")
    return make_plan(
        inventory=Inventory(),
        cfg={"job": "command", "command": ["echo", "one\ntwo", "a\u2028b", "\t"]},
        spec=JobSpec('it\'s "a" run: #1', "p", "g"),
        hardware=HardwareRequest(min_chips=0),
        dispatch_config=load_dispatch_config(desk.home / ".theseus.yaml"),
        start=desk.repository,
    ).unwrap()


@pytest.mark.parametrize("name", ["p.yaml", "p.yml", "p.json", "plan", ".yaml"])
def test_round_trip(plan: Plan, tmp_path: Path, name: str) -> None:
    """What was saved reads back equal, in both forms, and saving it again changes no byte."""
    path = tmp_path / name
    assert save_plan(plan, str(path)).unwrap() is None
    assert load_plan(str(path)).unwrap() == plan
    first = path.read_bytes()
    assert save_plan(load_plan(str(path)).unwrap(), str(path)).unwrap() is None
    assert path.read_bytes() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [name]


@given(note=st.text(st.characters(codec="utf-8")))
def test_any_text_survives_yaml(
    plan: Plan, tmp_path_factory: pytest.TempPathFactory, note: str
) -> None:
    """Any text that UTF-8 can hold is the same after YAML."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    noted = evolve(plan, notes=(note,))
    path.write_text(plan_yaml(noted), encoding="utf-8", newline="")
    assert load_plan(str(path)).unwrap() == noted


def test_many_lines_stand_as_a_block(plan: Plan) -> None:
    """Files in a YAML plan can be read by people."""
    assert "text: |\n" in plan_yaml(plan)


def test_link_is_followed(plan: Plan, tmp_path: Path) -> None:
    """A link stays a link to what was saved."""
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "real.json")
    assert save_plan(plan, str(link)).unwrap() is None
    assert link.is_symlink()
    assert load_plan(str(tmp_path / "real.json")).unwrap() == plan


def test_home(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert save_plan(plan, "~/p.yaml").unwrap() is None
    assert load_plan("~/p.yaml").unwrap() == plan


@pytest.mark.parametrize("path", [".", "no/such/x.yaml", "~no-such-user-here/x", "/dev/null/x"])
def test_no_place_for_a_plan(path: str) -> None:
    """What can be no file is said before a plan is made."""
    assert isinstance(plan_output(path).place().failure(), Unreadable)


def test_full_disk(plan: Plan) -> None:
    """A disk that is full is said."""
    refused = save_plan(plan, "/dev/full").failure()
    assert isinstance(refused, Unreadable)
    assert refused.reason == "no space left on device"
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directory_of_others(plan: Plan, tmp_path: Path) -> None:
    """A directory that may not be written to is said."""
    tmp_path.chmod(0o500)
    refused = save_plan(plan, str(tmp_path / "p.yaml")).failure()
    assert isinstance(refused, Unreadable)
    assert refused.reason == "permission denied"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", NotAPlan(("it has no key 'version'",))),
        ("version: 7\n", OtherVersion(7, 1)),
        ('{"version": "1"}', OtherVersion("1", 1)),
        (
            '{"a": ',
            NotAPlan(("no JSON: Expecting value: line 1 column 7 (char 6)",)),
        ),
        (
            "a: [",
            NotAPlan(("line 2: did not find expected node content while parsing a flow node",)),
        ),
    ],
)
def test_no_plan(tmp_path: Path, text: str, error: NotAPlan | OtherVersion) -> None:
    """A text that is no plan is refused with what it lacks."""
    path = tmp_path / "p"
    path.write_text(text)
    refused = load_plan(str(path)).failure()
    assert refused == PlanUnusable(str(path), error)


def test_total_must_add_up(plan: Plan, tmp_path: Path) -> None:
    """An allocation whose total was edited alone is refused."""
    path = tmp_path / "p.yaml"
    path.write_text(plan_yaml(plan).replace("total_chips: 0", "total_chips: 8"))
    refused = load_plan(str(path)).failure()
    assert isinstance(refused, PlanUnusable)
    assert isinstance(refused.error, NotAPlan)
    assert "allocation" in refused.error.problems[0]
