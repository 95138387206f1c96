"""Plan files: plans saved and read back, as YAML (`.yaml`, `.yml`) or JSON (any other name)."""

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.codec import NotAPlan, plan_data, plan_json, read_plan
from theseus.core.errors import PlanError, PlanUnusable, Unreadable
from theseus.core.plan import Plan
from theseus.effects.load import read_text

YAML_SUFFIXES = (".yaml", ".yml")


def save_plan(plan: Plan, path: str) -> Result[None, PlanError]:
    """Write *plan* to *path*, for its owner alone, in one go."""
    target = Path(path).expanduser()
    text = plan_yaml(plan) if target.suffix in YAML_SUFFIXES else plan_json(plan)
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=target.name, delete=False
        ) as file:
            file.write(text.encode())
        Path(file.name).replace(target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Failure(Unreadable("plan file", path, reason, "name another with -o"))
    return Success(None)


def load_plan(path: str) -> Result[Plan, PlanError]:
    """The plan saved at *path*."""
    text = read_text("plan file", path, "check the path")
    if not is_successful(text):
        return Failure(text.failure())
    data = _data(text.unwrap())
    if not is_successful(data):
        return Failure(PlanUnusable(path, data.failure()))
    return read_plan(data.unwrap()).alt(lambda error: PlanUnusable(path, error))


def plan_yaml(plan: Plan) -> str:
    """*plan* as the text of a YAML file; texts of several lines stand as blocks."""
    text: str = yaml.dump(
        plan_data(plan), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6
    )
    return text


def _data(text: str) -> Result[Any, NotAPlan]:
    try:
        return Success(json.loads(text) if text.lstrip().startswith("{") else _from_yaml(text))
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        return Failure(NotAPlan((str(error).splitlines()[0] if str(error) else "no YAML",)))


def _from_yaml(text: str) -> Any:  # noqa: ANN401  whatever the file holds
    return yaml.load(text, yaml.CSafeLoader)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks where a block can hold them."""


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = (
        "|" if "\n" in text and all(line == line.rstrip() for line in text.split("\n")) else None
    )
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_tuple(dumper: _Dumper, items: tuple[Any, ...]) -> yaml.SequenceNode:
    return dumper.represent_list(items)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(tuple, _represent_tuple)
