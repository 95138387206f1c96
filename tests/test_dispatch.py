"""Dispatching from Python: as the specification shows it, errors as results."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from returns.pipeline import is_successful

from tests.cli.desk import Desk, new_desk
from tests.cli.gpus import pretend_gpus, uuid
from tests.cli.runs import outcome_in
from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import HardwareRequest
from theseus.base.job import JobSpec
from theseus.core.config.config import DispatchConfig
from theseus.core.errors import BadFile, BadInput, SourceUnusable, UnknownJob
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.codec import plan_json
from theseus.core.solve.solve import NoFit
from theseus.dispatch import (
    ConfigError,
    dispatch,
    dispatch_async,
    dispatch_many,
    load_dispatch_config,
    plan,
    plan_async,
)

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = """\
from omegaconf import OmegaConf

from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import HardwareRequest
from theseus.base.job import JobSpec
from theseus.dispatch import dispatch, load_dispatch_config

cfg = OmegaConf.load("train.yaml")
dispatch_cfg = load_dispatch_config("~/.theseus.yaml")

result = dispatch(
    cfg=cfg,
    spec=JobSpec(name="my-run", project="proj", group="exp"),
    hardware=HardwareRequest(
        chip=SUPPORTED_CHIPS["h100"],
        min_chips=8,
        preferred_clusters=["hpc"],
    ),
    dispatch_config=dispatch_cfg,
    dirty=True,
    mem="128G",
)

print(result.ok)
"""
MORE = "print(result.run_id, result.host, result.log_path, result.error, sep='|')\n"
DECLARED = """\
clusters:
  hpc: {root: /hpc, work: /scratch}
hosts:
  far: {type: plain, cluster: hpc, ssh: nowhere.invalid, chips: {h100: 8}}
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A user's desk; this process runs as that user, in the repository."""
    made = new_desk(tmp_path / "user")
    made.write("dispatch.yaml", DECLARED)
    made.commit()
    monkeypatch.chdir(made.repository)
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    return made


def declared() -> DispatchConfig:
    """The config of a host that cannot be reached."""
    return load_dispatch_config("dispatch.yaml")


def call(**changes: Any) -> dict[str, Any]:
    """What is asked for in most tests, with *changes*."""
    return {
        "cfg": {"job": "command", "command": ["echo", "hello"]},
        "spec": JobSpec(name="my-run"),
        "hardware": HardwareRequest(min_chips=0),
        "dispatch_config": load_dispatch_config(),
        **changes,
    }


def outcome_of(desk: Desk, run_id: str) -> dict[str, Any]:
    """What became of a run, awaited."""
    return outcome_in(desk.home / "work/.dispatch/runs" / run_id)


def test_current_directory_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the current directory is gone that is the error, and no exception."""
    gone = tmp_path / "gone"
    gone.mkdir()
    asked = call()
    monkeypatch.chdir(gone)
    gone.rmdir()
    result = dispatch(**asked)
    assert not result.ok
    assert "current directory" in str(result.error)
    assert is_successful(plan(Inventory(), **asked, start=desk.repository))


@pytest.mark.usefixtures("desk")
def test_request_in_the_config() -> None:
    """A `request` in *cfg* gives way to *hardware*, but must be one."""
    config = {"job": "command", "command": ["ls"], "request": {"min_chips": -1, "chops": 8}}
    result = dispatch(**call(cfg=config))
    assert isinstance(result.reason, BadFile)
    assert {problem.path for problem in result.reason.problems} == {
        ("request", "min_chips"),
        ("request", "chops"),
    }


def test_one_flow_for_words_and_calls(desk: Desk) -> None:
    """The command line and Python make the same plan of the same order, but for its run id."""
    desk.write("train.yaml", "job: command\ncommand: [echo, hello]\n")
    flags = ("--chip", "h100", "--n_chips", "8", "--mem", "128G", "--cluster", "hpc", "--dirty")
    words = ("my-run", "train.yaml", "-d", "dispatch.yaml", *flags)
    planned = desk.theseus("plan", *words, "--dry-run", "--json")
    assert planned.status == 0, planned.err
    hardware = HardwareRequest(SUPPORTED_CHIPS["h100"], 8, preferred_clusters=("hpc",))
    asked = call(hardware=hardware, dispatch_config=declared(), mem="128G", dirty=True)
    made = plan(Inventory(), **asked).unwrap()
    theirs = json.loads(planned.out)
    own = json.loads(plan_json(made).replace(made.run.id, theirs["run"]["id"]))
    assert own == theirs
    submitted = desk.theseus("submit", *words)
    assert submitted.status == 4, submitted.err
    assert "no such host name" in submitted.err


def test_checked_before_anything_is_asked(desk: Desk) -> None:
    """A job that nobody knows is refused before a wrong request is, and no host is contacted."""
    desk.write("../home/bin/ssh", "#!/bin/sh\necho contacted >>~/contacted\nexit 255\n", 0o755)
    desk.write("train.yaml", "job: nope/nope\n")
    refused = desk.theseus("submit", "my-run", "train.yaml", "-d", "dispatch.yaml", "--chip", "zz")
    assert (refused.status, "no job is called 'nope/nope'" in refused.err) == (2, True)
    assert not (desk.home / "contacted").exists()
    called = dispatch(**call(cfg={"job": "nope/nope"}, mem="much", dispatch_config=declared()))
    assert isinstance(called.reason, UnknownJob)


@pytest.mark.usefixtures("desk")
def test_plan_within_an_event_loop() -> None:
    """A caller that has an event loop awaits its plan."""
    made = asyncio.run(plan_async(Inventory(), **call())).unwrap()
    assert made.run.name == "my-run"
    assert asyncio.run(plan_async(**call())).unwrap().target.host == made.target.host


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("function", "instead"),
    [
        (lambda: plan(Inventory(), **call()), "plan_async"),
        (lambda: dispatch(**call()), "dispatch_async"),
        (lambda: dispatch_many([], **call()), "dispatch_many_async"),
    ],
)
def test_within_an_event_loop_by_mistake(function: Callable[[], object], instead: str) -> None:
    """In a notebook, where a loop runs already, what to await instead is said."""

    async def cell() -> None:
        function()

    with pytest.raises(RuntimeError, match=rf"as in a notebook: await {instead}\("):
        asyncio.run(cell())


@pytest.mark.slow
def test_example_of_the_specification(desk: Desk) -> None:
    """It runs as it is printed there, and the run gets eight H100."""
    total = int(Path("/proc/meminfo").read_text().split()[1]) // 2**20
    pretend_gpus(desk, 8)
    job = 'job: command\ncommand: [sh, -c, "echo $CUDA_VISIBLE_DEVICES >$THESEUS_RESULTS_DIR/x"]\n'
    desk.write("train.yaml", job)
    example = EXAMPLE if total >= 128 else EXAMPLE.replace("128G", "64M")
    script = desk.write(str(desk.place / "example.py"), example + MORE)
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    ok, details = done.stdout.splitlines()
    run_id, host, log, error = details.split("|")
    assert (ok, host, error) == ("True", "box", "None")
    assert log == f"~/work/logs/proj-exp-my-run-{run_id}.log"
    assert outcome_of(desk, run_id)["state"] == "completed"
    seen = desk.home / "root/results/proj/exp/my-run" / run_id / "x"
    assert seen.read_text().strip() == ",".join(uuid(at) for at in range(8))


def test_example_to_the_letter(desk: Desk) -> None:
    """Where there are no eight H100 the very text of the specification says False."""
    desk.write(
        str(desk.home / ".theseus.yaml"),
        DECLARED.replace("ssh: nowhere.invalid", "transport: local"),
    )
    script = desk.write(str(desk.place / "example.py"), EXAMPLE)
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.slow
def test_result(desk: Desk) -> None:
    """A result says where the run is; it is ok before the run has ended."""
    result = dispatch(**call(env={"WORD": "x y"}, cfg=OmegaConf.load("train.yaml")))
    assert (result.ok, result.error, result.reason, result.host) == (True, None, None, "box")
    assert result.run_id in str(result.log_path)
    assert result.plan is not None
    assert result.plan.run.id == result.run_id
    assert outcome_of(desk, result.run_id)["state"] == "completed"


@pytest.mark.slow
def test_within_an_event_loop(desk: Desk) -> None:
    """dispatch_async leaves the loop to others meanwhile, and many go at the same time."""

    async def several() -> list[str]:
        results = await asyncio.gather(*(dispatch_async(**call()) for _ in range(3)))
        assert all(result.ok for result in results), results
        return [result.run_id for result in results]

    run_ids = asyncio.run(several())
    assert len(set(run_ids)) == 3
    assert {outcome_of(desk, run_id)["state"] for run_id in run_ids} == {"completed"}


@pytest.mark.usefixtures("desk")
def test_plan_contacts_nothing_with_an_inventory() -> None:
    """With an inventory given no host is asked: one that does not exist is planned on."""
    hardware = HardwareRequest(
        chip=SUPPORTED_CHIPS["h100"], min_chips=8, preferred_clusters=["hpc"]
    )
    made = plan(
        inventory=Inventory(),
        **call(hardware=hardware, dispatch_config=declared(), mem="128G", time="12h"),
    ).unwrap()
    assert (made.target.host, made.allocation.total_chips) == ("far", 8)
    assert (made.request.mem, made.request.time) == (128 * 2**30, 720)
    assert made.run.project == "project"


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("changes", "reason", "said"),
    [
        ({"cfg": {"job": "comand"}}, UnknownJob, "did you mean 'command'?"),
        ({"cfg": {}}, BadFile, "cfg: job: expected the key of a job"),
        ({"cfg": {"job": "command", "command": "ls"}}, BadFile, "cfg: command: expected a list"),
        ({"cfg": ["job"]}, BadInput, "cfg: expected a mapping, got a list"),
        ({"cfg": OmegaConf.create(["job"])}, BadInput, "cfg: expected a mapping"),
        (
            {"cfg": {"job": "command", "command": ["ls"], "at": {"path": Path("x")}}},
            BadFile,
            "cfg: at.path: expected text, a number",
        ),
        (
            {"cfg": OmegaConf.create({"job": "command", "x": "${oc.env:NEVER_SET_HERE}"})},
            BadFile,
            "cfg: x: the environment variable NEVER_SET_HERE is not set",
        ),
        ({"mem": "lots"}, BadInput, "mem: expected memory"),
        ({"time": "soon"}, BadInput, "time: expected a time"),
        ({"env": {"1ST": "x"}}, BadInput, "1ST: expected the name of an environment variable"),
        ({"load": ["nowhere"]}, BadInput, "--load nowhere: module nowhere cannot be imported"),
        ({"start": Path("/")}, SourceUnusable, "/ is not in a git repository"),
        (
            {"hardware": HardwareRequest(min_chips=0, preferred_clusters=["hcp"])},
            BadInput,
            "no cluster is called 'hcp'",
        ),
        ({"spec": JobSpec("x" * 120, "y" * 120)}, BadInput, "longer than 200 bytes"),
        ({"hardware": HardwareRequest(min_chips=64)}, NoFit, "nothing fits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors_are_results(changes: dict[str, Any], reason: type, said: str) -> None:
    """What cannot be dispatched is a result that says why, from plan and dispatch alike."""
    result = dispatch(**call(**changes))
    assert not result.ok
    assert isinstance(result.reason, reason)
    assert result.error is not None
    assert said in result.error
    assert (result.host, result.log_path) == (None, None)
    planned = plan(inventory=Inventory(), **call(**changes))
    assert not is_successful(planned)
    assert isinstance(planned.failure(), reason)


@pytest.mark.usefixtures("desk")
def test_unreachable_host() -> None:
    """A host that cannot be reached is a result too."""
    hardware = HardwareRequest(chip=SUPPORTED_CHIPS["h100"], min_chips=8)
    result = dispatch(**call(hardware=hardware, dispatch_config=declared()))
    assert not result.ok
    assert isinstance(result.reason, NoFit)
    assert "no host answers" in str(result.error)
    assert "far" in str(result.error)


def test_config_errors(desk: Desk) -> None:
    """A config that cannot be used is an exception, which lists every problem with its place."""
    with pytest.raises(ConfigError, match="no such file"):
        load_dispatch_config("nowhere.yaml")
    bad = desk.write("bad.yaml", "clusters: {a: {root: x, work: /w}}\nhosts: {b: {type: pain}}\n")
    with pytest.raises(ConfigError) as raised:
        load_dispatch_config(bad)
    first, second = str(raised.value).splitlines()
    assert first.startswith(f"{bad}:1:16: clusters.a.root: expected an absolute path")
    assert second.startswith(f"{bad}:2:13: hosts.b.type: expected plain or slurm")
    assert isinstance(raised.value.error, BadFile)


def test_secrets_of_an_omegaconf(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an OmegaConf takes from the environment stays a reference in the plan."""
    monkeypatch.setenv("TOKEN_HERE", "canary-4711")
    cfg = OmegaConf.create({"job": "command", "command": ["ls"], "url": "x/${oc.env:TOKEN_HERE}"})
    made = plan(inventory=Inventory(), **call(cfg=cfg)).unwrap()
    assert "canary-4711" not in repr(made)
    assert "TOKEN_HERE" in repr(made)
    assert cfg.url == "x/canary-4711", "the caller's config is left as it was"
    assert desk.git("status", "--porcelain") == ""


@pytest.mark.usefixtures("desk")
def test_arguments_that_do_not_exist() -> None:
    """They are refused, as those of any function are; so are those that lack."""
    for function in (plan, dispatch):
        with pytest.raises(TypeError, match=r"unexpected keyword argument 'drity'.*'dirty'"):
            function(**call(drity=True))
    shared = {name: value for name, value in call(drity=True).items() if name != "cfg"}
    with pytest.raises(TypeError, match="unexpected keyword argument 'drity'"):
        dispatch_many([{"job": "command"}], **shared)
    with pytest.raises(TypeError, match="missing keyword argument 'cfg'"):
        dispatch(**{name: value for name, value in call().items() if name != "cfg"})


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"spec": "my-run"}, "spec: expected a JobSpec, got text 'my-run'"),
        ({"hardware": None}, "hardware: expected a HardwareRequest, got nothing"),
        (
            {"dispatch_config": "~/.theseus.yaml"},
            "dispatch_config: expected a DispatchConfig, as load_dispatch_config gives it",
        ),
    ],
)
def test_arguments_of_another_kind(wrong: dict[str, Any], said: str) -> None:
    """What stands for another kind of value is refused by its name, not where it is first used."""
    with pytest.raises(TypeError, match=said):
        dispatch(**call(**wrong))


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    "wrong", [{"mem": 128}, {"time": 5.0}, {"uv_groups": "gpu"}, {"load": "jobs"}], ids=str
)
def test_values_of_another_type(wrong: dict[str, Any]) -> None:
    """A value of another type is bad input that names the argument."""
    error = plan(**call(**wrong)).failure()
    assert isinstance(error, BadInput)
    assert [problem.flag for problem in error.problems] == list(wrong)


def test_start_as_text(desk: Desk) -> None:
    """The directory to start from may be a text."""
    made = plan(Inventory({}), **call(start=str(desk.repository), dispatch_config=declared()))
    assert is_successful(made)


def test_many(desk: Desk) -> None:
    """Many job configs are many runs, numbered; one that is wrong stops them all."""
    cfgs = [{"job": "command", "command": ["echo", str(number)]} for number in range(3)]
    shared = {key: value for key, value in call().items() if key != "cfg"}
    results = dispatch_many(cfgs, **shared)
    assert all(result.ok for result in results), results
    assert len({result.run_id for result in results}) == len(cfgs)
    for number, result in enumerate(results):
        assert outcome_of(desk, result.run_id)["state"] == "completed"
        assert result.plan is not None
        assert result.plan.run.name.endswith(f"-{number}")
    refused = dispatch_many([*cfgs, {"job": "nothing"}], **shared)
    assert [type(result.reason) for result in refused] == [UnknownJob] * 4
    with pytest.raises(TypeError, match="expected a list of job configs"):
        dispatch_many([], **shared)
