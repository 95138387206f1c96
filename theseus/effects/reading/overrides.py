"""Overrides: `key=value` words that follow a job config on the command line, by OmegaConf's rules.

The value is YAML, the key a dotted path that must exist; `+key=value` adds one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.config.decode import nearest
from theseus.core.errors import BadInput
from theseus.core.request.request import BadFlag
from theseus.core.source.source_text import shown
from theseus.effects.reading.yaml_text import JobLoader, parse


def apply_overrides(
    data: Mapping[str, Any], overrides: Sequence[str]
) -> Result[dict[str, Any], BadInput]:
    """*data* with every override applied in order, or all that cannot be."""
    changed = dict(data)
    problems: list[BadFlag] = []
    for override in overrides:
        applied = _apply(changed, override)
        if is_successful(applied):
            changed = applied.unwrap()
        else:
            problems.append(BadFlag(shown(override), applied.failure()))
    return Failure(BadInput(tuple(problems))) if problems else Success(changed)


def _apply(data: dict[str, Any], override: str) -> Result[dict[str, Any], str]:
    key, equals, text = override.partition("=")
    adds = key.startswith("+")
    names = key.removeprefix("+").split(".")
    if not equals or not all(names) or not key.isprintable():
        return Failure("expected key=value, with a dotted path as key")
    parsed = parse(text, JobLoader)
    if not is_successful(parsed):
        return Failure(f"its value cannot be read: {parsed.failure().message}")
    problem = None if adds else _unknown(data, names)
    return _set(data, names, parsed.unwrap()) if problem is None else Failure(problem)


def _unknown(data: object, names: list[str]) -> str | None:
    """Why the path *names* does not exist in *data*; None when it does."""
    for at, name in enumerate(names):
        match data:
            case Mapping() if name in data:
                data = data[name]
            case list() if name.isdecimal() and int(name) < len(data):
                data = data[int(name)]
            case Mapping():
                near = nearest(name, [str(key) for key in data])
                path = ".".join(names[: at + 1])
                return f"{path} is no key of the job config{near} (+key=value adds one)"
            case list():
                return f"{'.'.join(names[:at])} is a list of {len(data)}"
            case _:
                return f"{'.'.join(names[:at])} is a single value, without keys"
    return None


def _set(data: Any, names: list[str], value: object) -> Result[Any, str]:  # noqa: ANN401  plain data of any shape, as it came out of YAML
    """A copy of *data* with *value* at the path *names*."""
    if not names:
        return Success(value)
    name, *rest = names
    match data:
        case list() if name.isdecimal() and int(name) < len(data):
            at = int(name)
            return _set(data[at], rest, value).map(lambda item: [*data[:at], item, *data[at + 1 :]])
        case Mapping():
            return _set(data.get(name, {}), rest, value).map(lambda item: {**data, name: item})
        case None:  # only what is added comes here: the path of anything else exists
            return _set({}, names, value)
        case _:
            return Failure(f"{name} cannot be set inside a single value or past the end of a list")
