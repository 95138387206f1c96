"""Plan files: plans saved and read back, as YAML (`.yaml`, `.yml`) or JSON (any other name)."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.errors import Located, PlanError, PlanUnusable
from theseus.core.plan.codec import plan_data, plan_json, read_plan
from theseus.core.plan.modes import PRIVATE_FILE
from theseus.core.plan.plan import NotAPlan, Plan
from theseus.core.text.json_text import SURROGATE
from theseus.effects.reading.load import read_text
from theseus.effects.reading.output_file import OutputFile
from theseus.effects.reading.yaml_text import CheckedLoader, parse

YAML_SUFFIXES = (".yaml", ".yml")
_JSON = "!json"
_BREAKS = re.compile("[\x85\u2028\u2029]")


def plan_output(path: str) -> OutputFile:
    """The file that a plan is saved to."""
    return OutputFile("plan file", path, "name another with -o")


def save_plan(plan: Plan, path: str) -> Result[None, PlanError]:
    """Write *plan* to *path*, for its owner alone, in one go."""
    text = plan_yaml(plan) if Path(path).suffix in YAML_SUFFIXES else plan_json(plan)
    return plan_output(path).write(text.encode(), PRIVATE_FILE)


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
    if not text.lstrip().startswith("{"):
        # by the rules the text was written with, PyYAML's own
        return parse(text, _Loader).alt(_no_yaml)
    try:
        return Success(json.loads(text))
    except (ValueError, RecursionError) as error:
        return Failure(NotAPlan((f"no JSON: {error}",)))


def _no_yaml(problem: Located) -> NotAPlan:
    place = f"line {problem.line}: " if problem.line else ""
    return NotAPlan((f"{place}{problem.message}",))


class _Loader(CheckedLoader):
    """Reads what `_Dumper` writes."""


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks where a block can hold them."""


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    if SURROGATE.search(text):
        # bytes of a path that are no UTF-8: YAML has no escape for them, JSON does
        return dumper.represent_scalar(_JSON, json.dumps(text))
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if _BREAKS.search(text):
        return '"'  # elsewhere YAML 1.1 reads these as line breaks, and folds them
    return "|" if "\n" in text and all(line == line.rstrip() for line in text.split("\n")) else None


def _construct_json(loader: _Loader, node: yaml.ScalarNode) -> Any:  # noqa: ANN401  whatever JSON holds
    return json.loads(loader.construct_scalar(node))


def _represent_tuple(dumper: _Dumper, items: tuple[Any, ...]) -> yaml.SequenceNode:
    return dumper.represent_list(items)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(tuple, _represent_tuple)
_Loader.add_constructor(_JSON, _construct_json)
