"""Any string a user can give is refused with a clear error, or arrives byte for byte.

Checked as a submission checks it, carried as a plan carries it, and read by real bash.
"""

import json
import string
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import example, given
from hypothesis import strategies as st
from returns.pipeline import is_successful
from returns.result import Result

from tests.core.bash import at_home, exported, spoken
from tests.strategies import RELEASE, any_string, any_word, assignments, job_values
from theseus.base.hardware import HardwareRequest
from theseus.core.config.config_checks import decode_config
from theseus.core.config.decode import Problem, show_path
from theseus.core.config.secrets import EnvironmentSecret, Referenced
from theseus.core.error_text import explain
from theseus.core.errors import PlanError
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.build import World, build_plan
from theseus.core.plan.payload import Job
from theseus.core.plan.placed import Assignment
from theseus.core.plan.plan import Plan, Run
from theseus.core.plan.steps import PutFile, PutSecrets, Text
from theseus.core.source.source import SourceSnapshot
from theseus.effects.reading.overrides import apply_overrides
from theseus.effects.reading.reading import Names, check_environment, check_groups, check_names
from theseus.runtime.payload import filled

CPU = HardwareRequest(min_chips=0)
SOURCE = SourceSnapshot("0" * 40, None, dirty=True, subdirectory="", repository="nanolm")
ANYTHING = any_string | any_word


@frozen
class Given:
    """What a user can write, each with a value that is fine."""

    name: str = "my-run"
    project: str = "project"
    group: str = "group"
    value: str = "value"
    uv_group: str = "train"
    root: str = "/store"
    work: str = "/scratch"
    host: str = "box"
    cluster: str = "lab"
    module: str = "cuda"

    def config(self) -> Mapping[str, Any]:
        """The config as YAML holds it."""
        host = {"type": "plain", "ssh": "box", "cluster": self.cluster, "modules": [self.module]}
        return {
            "clusters": {self.cluster: {"root": self.root, "work": self.work}},
            "hosts": {self.host: {**host, "uv_groups": [self.uv_group]}},
        }

    def plan(self) -> Result[Plan, str]:
        """The plan, or in words what is refused."""
        names = Names(self.name, self.project, self.group)
        made: Result[Plan, str] = Result.do(
            plan
            for _ in check_names(names, "repository").alt(explain)
            for environment in check_environment((f"A={self.value}",)).alt(explain)
            for uv_groups in check_groups((self.uv_group,)).alt(explain)
            for config in decode_config(self.config()).alt(_said)
            for plan in build_plan(
                World(config, Inventory(), SOURCE, RELEASE),
                CPU,
                Assignment(
                    Run("id", self.name, self.project, self.group, "nanolm/train"),
                    Job("nanolm/train"),
                    {},
                    environment,
                    uv_groups,
                ),
            ).alt(explain)
        )
        return made


def _said(problems: tuple[Problem, ...]) -> str:
    return "; ".join(f"{show_path(problem.path)!r}: {problem.message}" for problem in problems)


def files(plan: Plan) -> Mapping[str, str]:
    """The texts that stand in a plan, by the names of their files."""
    return {
        PurePosixPath(step.path).name: step.content.text
        for step in plan.steps
        if isinstance(step, PutFile) and isinstance(step.content, Text)
    }


def payload(plan: Plan) -> Mapping[str, Any]:
    """The payload as the runtime reads it: UTF-8, JSON."""
    read: Mapping[str, Any] = json.loads(files(plan)["payload.json"].encode().decode())
    return read


def variable(name: str) -> Callable[[Plan], str]:
    """How to read the variable *name* of the job."""
    file = "job.env" if name.startswith("THESEUS_") else "user.env"
    return lambda plan: exported(files(plan)[file])[name]


def modules(plan: Plan) -> str:
    """The one module that bootstrap loads."""
    (name,) = spoken(
        "source /dev/stdin; printf '%s\\0' \"${theseus_modules[@]}\"", files(plan)["modules"]
    )
    return name


@pytest.mark.parametrize(
    ("what", "arrived"),
    [
        ("name", variable("THESEUS_NAME")),
        ("project", variable("THESEUS_PROJECT")),
        ("group", variable("THESEUS_GROUP")),
        ("name", lambda plan: payload(plan)["run"]["name"]),
        ("value", variable("A")),
        ("uv_group", variable("THESEUS_UV_GROUPS")),
        ("host", lambda plan: payload(plan)["hardware"]["host"]),
        ("cluster", lambda plan: payload(plan)["hardware"]["cluster"]["name"]),
        ("module", modules),
    ],
)
def test_text(what: str, arrived: Callable[[Plan], str]) -> None:
    """A name or a value is refused in one printable line, or arrives as it is."""

    @given(ANYTHING)
    @example("")
    @example('it\'s "$HOME" `id` \\ * ~ !! \n\t\r é \U0001f600')
    def holds(text: str) -> None:
        made = evolve(Given(), **{what: text}).plan()
        if is_successful(made):
            assert arrived(made.unwrap()) == text
        else:
            assert made.failure().isprintable()

    holds()


@pytest.mark.parametrize(("what", "name"), [("root", "DATA_DIR"), ("work", "LOG")])
def test_path(what: str, name: str) -> None:
    """A path is refused in one printable line, or arrives; `~/` is the host's home."""

    @given(st.sampled_from(["", "/", "~/", "~"]).flatmap(lambda start: ANYTHING.map(start.__add__)))
    def holds(path: str) -> None:
        made = evolve(Given(), **{what: path}).plan()
        if is_successful(made):
            beneath = {"DATA_DIR": "/data", "LOG": "/logs/project-group-my-run-id.log"}[name]
            whole = path.rstrip("/") + beneath
            assert variable(f"THESEUS_{name}")(made.unwrap()) == at_home(whole)
        else:
            assert made.failure().isprintable()

    holds()


@given(any_string)
def test_variable(name: str) -> None:
    """A variable's name is refused in one printable line, or the job has that variable."""
    checked = check_environment((f"{name}=x",))
    if is_successful(checked):
        ((taken, value),) = checked.unwrap()
        assert exported(f"{taken}={value}\n")[taken] == "x"
    else:
        assert explain(checked.failure()).isprintable()


@given(ANYTHING)
def test_override(text: str) -> None:
    """The text of an override is refused in one printable line, or stands in the job's config."""
    changed = apply_overrides({"job": "command", "key": 1}, (f'key="{_escaped(text)}"',))
    if is_successful(changed):
        assert _config(changed.unwrap()) == {"key": text}
    else:
        assert explain(changed.failure()).isprintable()


def _escaped(text: str) -> str:
    """*text* between double quotes of YAML."""
    plain = set(string.ascii_letters + string.digits + " -_.:,#$'")
    return "".join(each if each in plain else f"\\U{ord(each):08X}" for each in text)


@given(ANYTHING)
def test_override_unquoted(text: str) -> None:
    """Whatever follows `key=` is refused, or is a value that the job gets as YAML reads it."""
    changed: Result[dict[str, Any], PlanError] = apply_overrides({"key": 1}, (f"key={text}",))
    if is_successful(changed):
        values = changed.unwrap()
        assert repr(_config(values)) == repr(values)
    else:
        assert "\n" not in explain(changed.failure())


def _config(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config a job gets that was given *values*."""
    config = decode_config(Given().config()).unwrap()
    assignment = Assignment(
        Run("id", "my-run", "project", "group", "nanolm/train"), Job("nanolm/train"), values
    )
    plan = build_plan(World(config, Inventory(), SOURCE, RELEASE), CPU, assignment).unwrap()
    return filled(payload(plan)["config"], _secrets(plan))


def _secrets(plan: Plan) -> Mapping[str, str]:
    """What secrets.env would hold: each variable of the client is its own name in brackets."""
    return {
        secret.variable: f"<{secret.reference.variable}>"
        for step in plan.steps
        if isinstance(step, PutSecrets)
        for secret in step.secrets
        if isinstance(secret.reference, EnvironmentSecret)
    }


@given(job_values())
def test_job_config(values: Mapping[str, Any]) -> None:
    """A job gets its config as it was read, with the references in it filled in."""
    own = {key: value for key, value in values.items() if key not in {"job", "request"}}
    assert repr(_config(values)) == repr(_resolved(own))


def _resolved(value: Any) -> Any:
    match value:
        case Referenced(_, parts):
            return "".join(
                part if isinstance(part, str) else f"<{part.variable}>" for part in parts
            )
        case Mapping():
            return {key: _resolved(item) for key, item in value.items()}
        case list():
            return [_resolved(item) for item in value]
        case _:
            return value


@given(assignments(), st.lists(any_word, max_size=1))
def test_subdirectory(assignment: Assignment, words: list[str]) -> None:
    """The job starts in the directory in which the user stood, whatever it is called."""
    inside = "/".join(word for word in words if word not in {"", ".", ".."} and "/" not in word)
    config = decode_config(Given().config()).unwrap()
    world = World(config, Inventory(), evolve(SOURCE, subdirectory=inside), RELEASE)
    plan = build_plan(world, CPU, assignment).unwrap()
    assert variable("THESEUS_SUBDIRECTORY")(plan) == inside
