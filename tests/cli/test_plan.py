"""`theseus plan`: what it prints, what it saves, and the keys that are a contract."""

import json
import os
import stat
from functools import partial
from typing import Any

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from tests.cli.bad_inputs import PLAN
from tests.cli.conftest import Inside
from tests.cli.desk import Desk, unchanged
from tests.cli.gpus import pretend_gpus, uuid
from theseus.effects.reading.plan_files import load_plan


def planned(inside: Inside, desk: Desk, *words: str) -> dict[str, Any]:
    """The plan as JSON."""
    finished = inside(desk, "plan", "demo", "train.yaml", "--json", *words)
    assert finished.status == 0, finished.err
    plan: dict[str, Any] = json.loads(finished.out)
    return plan


def test_contract_on_cpus(desk: Desk, inside: Inside) -> None:
    """The keys that others rely on are there, partition null on a plain host."""
    plan = planned(inside, desk, "-p", "proj", "-g", "exp")
    assert {"run", "target", "allocation", "trace", "source", "steps"} <= set(plan)
    run_id = plan["run"]["id"]
    assert plan["run"] == {
        "id": run_id,
        "name": "demo",
        "project": "proj",
        "group": "exp",
        "job": "command",
    }
    assert {key: plan["target"][key] for key in ("host", "type", "cluster", "partition")} == {
        "host": "box",
        "type": "plain",
        "cluster": "hpc",
        "partition": None,
    }
    allocation = {key: plan["allocation"][key] for key in ("chip", "nodes", "chips_per_node")}
    assert allocation == {"chip": None, "nodes": 1, "chips_per_node": 0}
    assert plan["allocation"]["total_chips"] == 0
    (line,) = plan["trace"]
    assert {"host", "partition", "verdict", "reason"} <= set(line)
    assert (line["host"], line["partition"], line["verdict"]) == ("box", None, "chosen")
    assert plan["source"]["tree"] == desk.git("rev-parse", "HEAD^{tree}").strip()
    assert plan["steps"]


@pytest.mark.slow
def test_contract_on_gpus(desk: Desk, inside: Inside) -> None:
    """GPUs that are free are counted, and the run is pinned to as many as it asked for."""
    pretend_gpus(desk, 8, 0, 3)
    plan = planned(inside, desk, "--chip", "h100", "--n_chips", "4", "--mem", "1M")
    allocation = plan["allocation"]
    assert (allocation["chip"], allocation["chips_per_node"]) == ("h100", 4)
    assert allocation["total_chips"] == 4
    assert allocation["gpus"] == [uuid(at) for at in (1, 2, 4, 5, 6, 7)]
    assert "6 free" in plan["trace"][0]["reason"]
    generic = planned(inside, desk, "--n_chips", "6")
    assert (generic["allocation"]["chip"], generic["allocation"]["total_chips"]) == (None, 6)


@pytest.mark.slow
def test_asking_changes_nothing(desk: Desk, inside: Inside) -> None:
    """Planning asks the host and writes nothing, there or here."""
    pretend_gpus(desk, 2)
    assert unchanged(desk, lambda: inside(desk, "plan", "demo", "train.yaml", "-n", "1")).out


@pytest.mark.parametrize("name", ["saved.yaml", "saved.yml", "saved.json", "it's a plan"])
def test_saved_plan_reads_back_equal(desk: Desk, inside: Inside, name: str) -> None:
    """A saved plan is what was printed, whatever the form, and only its owner may read it."""
    words = ("+text='a\n b: |\n ä\u2028\"'", "+n=1e3", "--env", "A=yes\t \n: #", "--env", "B=010")
    finished = inside(desk, *PLAN, "--json", "-o", name, *words)
    assert finished.status == 0, finished.err
    saved = desk.repository / name
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    text = saved.read_text()
    data = yaml.safe_load(text) if name.endswith("ml") else json.loads(text)
    assert data == json.loads(finished.out)
    json_file = desk.write("same.json", finished.out)
    assert load_plan(str(saved)).unwrap() == load_plan(str(json_file)).unwrap()
    assert f"theseus apply {'saved' if name[0] == 's' else chr(39)}" in finished.err


def test_output_replaces_a_file_at_once(desk: Desk, inside: Inside) -> None:
    """An older plan is replaced, and nothing else is left in the directory."""
    desk.write("p.yaml", "old")
    before = set(desk.repository.iterdir())
    assert inside(desk, *PLAN, "-o", "p.yaml").status == 0
    assert set(desk.repository.iterdir()) == before
    assert inside(desk, *PLAN, "-o", "p.yaml").status == 0
    assert load_plan(str(desk.repository / "p.yaml")).unwrap().run.name == "demo"


def test_output_to_what_is_no_file(desk: Desk, inside: Inside) -> None:
    """A pipe is written to and a link is followed: neither is replaced."""
    real = desk.write("real.yaml", "")
    link = desk.repository / "link.yaml"
    link.symlink_to(real)
    assert inside(desk, *PLAN, "-o", "link.yaml").status == 0
    assert link.is_symlink()
    assert real.read_text().startswith("version: 1\n")
    pipe = desk.repository / "pipe"
    os.mkfifo(pipe)
    with desk.start(*PLAN, "-o", "pipe") as process:
        assert pipe.read_text().startswith("{")
        process.communicate()
    assert (process.returncode, pipe.is_fifo()) == (0, True)


def test_uncommitted_changes(desk: Desk, inside: Inside) -> None:
    """One warning counts what is not shipped, on standard error when data goes to the other."""
    desk.write("a/one.py", "1\n")
    desk.write("two.py", "2\n")
    warning = "uncommitted changes not shipped (first: a/one.py); commit, or pass --dirty"
    for more in (("--json",), ("--explain",), ("-o", "p.yaml")):
        assert inside(desk, *PLAN, *more).err.count(warning) == 1
    assert "not shipped" not in inside(desk, *PLAN, "--dirty", "--json").err


def test_plans_are_no_source(desk: Desk, inside: Inside) -> None:
    """What theseus saved in the repository is no change, and is not shipped with --dirty."""
    tree = json.loads(inside(desk, *PLAN, "--json").out)["source"]["tree"]
    for command, output in (("plan", "a.yaml"), ("plan", "b.json"), ("bootstrap", "job.sh")):
        assert inside(desk, command, "demo", "train.yaml", "-o", output).status == 0
    for flags in ((), ("--dirty",)):
        shown = inside(desk, *PLAN, "--json", *flags)
        assert "uncommitted" not in shown.err
        assert json.loads(shown.out)["source"]["tree"] == tree


def test_trace(desk: Desk, inside: Inside, snapshot: SnapshotAssertion) -> None:
    """--explain prints the trace alone: each host with its verdict and the reason."""
    desk.write(
        str(desk.home / ".theseus.yaml"),
        "priority: [small, other]\n"
        "clusters:\n  a: {root: /a, work: /a}\n  b: {root: /b, work: /b}\n"
        "hosts:\n"
        "  big: {type: plain, cluster: a, ssh: big, chips: {h100: 8}}\n"
        "  small: {type: plain, cluster: a, ssh: small, chips: {h100: 4, a6000: 16}}\n"
        "  other: {type: plain, cluster: b, ssh: other, chips: {h100: 8}}\n"
        "  quiet: {type: plain, cluster: a, ssh: quiet}\n",
    )
    words = (*PLAN, "--chip", "h100", "-n", "8", "--explain")
    assert inside(desk, *words, "--cluster", "a").out == snapshot(name="chosen")
    assert inside(desk, *words, "--exclude-cluster", "a").out == snapshot(name="excluded")
    refused = inside(desk, *words[:-3], "-n", "16", "--cluster", "a")
    assert (refused.status, refused.out) == (3, "")
    assert refused.err == snapshot(name="nothing fits")


@pytest.mark.slow
def test_nothing_fits_now(desk: Desk, inside: Inside, snapshot: SnapshotAssertion) -> None:
    """Busy chips are not free: exit status 3, with the numbers, and nothing started."""
    pretend_gpus(desk, 8, 0, 3, 5)
    for command in ("plan", "submit"):
        words = (command, "demo", "train.yaml", "--chip", "h100", "-n", "8")
        finished = unchanged(desk, partial(inside, desk, *words))
        assert (finished.status, finished.out) == (3, "")
        assert finished.err == snapshot(name="nothing fits")


def test_flags_in_all_spellings(desk: Desk, inside: Inside) -> None:
    """The specification's flags work by their names, other spellings and short forms."""
    desk.write(
        str(desk.home / ".theseus.yaml"),
        "clusters: {a: {root: /a, work: /a}, b: {root: /b, work: /b}}\n"
        "hosts: {x: {type: plain, cluster: a, ssh: x, chips: {h100: 8}},\n"
        "        y: {type: plain, cluster: b, ssh: y, chips: {h100: 8}}}\n",
    )
    for words in (
        ("--chip", "h100", "--n_chips", "8", "--cluster", "b"),
        ("--chip=h100", "--n-chips=8", "--exclude-cluster=a"),
        ("--chip", "h100", "-n", "8", "--exclude_cluster", "a"),
        ("--chip", "h100", "-n", "8", "--cluster", "b", "--cluster", "b"),
        ("+request.chip=h100", "request.min_chips=8", "--cluster", "b,"[:-1]),
    ):
        plan = planned(inside, desk, "--dry-run", *words)
        assert plan["target"]["host"] == "y"
        assert (plan["allocation"]["chip"], plan["allocation"]["total_chips"]) == ("h100", 8)


@pytest.mark.parametrize("text", ["job: command\n", "[]", "{}", '{"inventory": 1, "hosts": 7}'])
def test_no_inventory(desk: Desk, text: str) -> None:
    """A file that is no inventory is refused, and where one comes from is said."""
    desk.write("other.json", text)
    refused = desk.theseus("plan", "demo", "train.yaml", "--inventory", "other.json")
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.startswith("theseus: other.json: no inventory: ")
    assert refused.err.endswith("; `theseus hosts --save FILE` writes one\n")


def test_inventory_in_a_file_with_a_space(desk: Desk) -> None:
    """What is said of a saved inventory can be pasted as it stands."""
    saved = desk.theseus("hosts", "--save", "my hosts.json")
    assert saved.status == 0
    assert "--inventory 'my hosts.json'" in saved.err
    words = ("plan", "demo", "train.yaml", "--inventory", "my hosts.json", "--explain")
    assert desk.theseus(*words).status == 0
