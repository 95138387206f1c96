"""Values that follow a config class.

Here: comparing a job config with its class, and building an instance. Never here: how a class keeps
its fields, or reading files.
"""

from __future__ import annotations

import difflib
import types
import typing
from pathlib import PurePath
from typing import Any, Iterator, List, Mapping, Tuple, Union

from theseus.base.schema import MISSING, Field, config_fields, is_config_class

OURS = ("job", "request")  # keys of a job config that belong to theseus
_UNIONS = (Union, getattr(types, "UnionType", Union))
_SIMPLE = (bool, int, float, str)
_SEQUENCES = (list, tuple)


def job_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A job config without the keys that belong to theseus."""
    return {key: value for key, value in config.items() if key not in OURS}


def check_config(cls: type, config: Mapping[str, Any]) -> List[str]:
    """Everything in which *config* departs from its class: unknown, missing and mistyped keys.

    The keys `job` and `request` are theseus's and are passed over.
    """
    return list(_departures(cls, job_part(config), ""))


def _departures(cls: type, config: Mapping[str, Any], prefix: str) -> Iterator[str]:
    fields = {field.name: field for field in config_fields(cls)}
    for key in config:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            known = f"did you mean {near[0]}?" if near else f"known: {', '.join(fields) or 'none'}"
            yield f"{prefix}{key}: unknown key; {known}"
    for field in fields.values():
        path = f"{prefix}{field.name}"
        if config.get(field.name, MISSING) != MISSING:
            yield from _misfits(field.annotation, config[field.name], path)
        elif field.name in config or field.required:
            yield from _absences(field, path)


def _absences(field: Field, path: str) -> Iterator[str]:
    if is_config_class(field.annotation):
        yield from _departures(field.annotation, {}, f"{path}.")
    else:
        yield f"{path}: missing, expected {_title(field.annotation)}"


def _misfits(annotation: Any, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - annotations and what they describe may be of any type
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) in _UNIONS:
        yield from _union_misfits(annotation, value, path)
    elif is_config_class(annotation) and isinstance(value, Mapping):
        yield from _departures(annotation, value, f"{path}.")
    elif not _fits(annotation, value):
        yield f"{path}: expected {_title(annotation)}, got {type(value).__name__} {value!r}"
    elif isinstance(value, _SEQUENCES):
        for place, item in enumerate(value):
            yield from _misfits(_item(arguments, place), item, f"{path}[{place}]")
    elif isinstance(value, Mapping) and len(arguments) == 2:
        for key, item in value.items():
            yield from _misfits(arguments[1], item, f"{path}.{key}")


def _union_misfits(annotation: Any, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - annotations and what they describe may be of any type
    arms = typing.get_args(annotation)
    classes = [arm for arm in arms if is_config_class(arm)]
    if not all(any(_misfits(arm, value, path)) for arm in arms):
        return
    if len(classes) == 1 and isinstance(value, Mapping):
        yield from _misfits(classes[0], value, path)
    else:
        yield f"{path}: expected {_title(annotation)}, got {type(value).__name__} {value!r}"


def _item(arguments: Tuple[Any, ...], place: int) -> Any:  # noqa: ANN401 - annotations and what they describe may be of any type
    """The annotation of one item of `list`, `List[X]`, `Tuple[X, ...]` or `Tuple[X, Y]`."""
    if not arguments:
        return Any
    return arguments[0] if len(arguments) == 1 or Ellipsis in arguments else arguments[place]


def _fits(annotation: Any, value: Any) -> bool:  # noqa: ANN401 - annotations and what they describe may be of any type
    """Whether *value* itself is of the kind, whatever it holds; other kinds than these take all."""
    kind = typing.get_origin(annotation) or annotation
    if kind is typing.Literal:
        return any(value is choice or value == choice for choice in typing.get_args(annotation))
    if kind in (None, type(None)):
        return value is None
    if kind in _SIMPLE:
        # bool is a subclass of int, yet `steps: true` is a mistake; 1 is a fine float.
        return type(value) is kind or (kind is float and type(value) is int)
    if kind in _SEQUENCES:
        return isinstance(value, _SEQUENCES) and _length_fits(annotation, value)
    if is_config_class(kind) or _is_kind(kind, Mapping):
        return isinstance(value, Mapping)
    return isinstance(value, str) or not _is_kind(kind, PurePath)


def _is_kind(kind: Any, of: Any) -> bool:  # noqa: ANN401 - annotations and what they describe may be of any type
    return isinstance(kind, type) and issubclass(kind, of)


def _length_fits(annotation: Any, value: Any) -> bool:  # noqa: ANN401 - annotations and what they describe may be of any type
    arguments = typing.get_args(annotation)
    pinned = typing.get_origin(annotation) is tuple and Ellipsis not in arguments
    return not pinned or len(value) == len(arguments) or not arguments


def _title(annotation: Any) -> str:  # noqa: ANN401 - annotations and what they describe may be of any type
    bare = isinstance(annotation, type) and not typing.get_args(annotation)
    return annotation.__name__ if bare else str(annotation).replace("typing.", "")


def build_config(cls: type, config: Mapping[str, Any]) -> Any:  # noqa: ANN401 - it is an instance of cls, which is known at run time alone
    """An instance of a config class; ValueError holds everything that `check_config` finds."""
    problems = check_config(cls, config)
    if problems:
        raise ValueError("\n".join(problems))
    return _built(cls, job_part(config))


def _built(annotation: Any, value: Any) -> Any:  # noqa: ANN401 - annotations and what they describe may be of any type
    arguments = typing.get_args(annotation)
    kind = typing.get_origin(annotation) or annotation
    if kind in _UNIONS:
        fitting = next(arm for arm in arguments if not any(_misfits(arm, value, "")))
        return _built(fitting, value)
    if is_config_class(kind):
        annotations = {field.name: field.annotation for field in config_fields(kind)}
        return kind(**{key: _built(annotations[key], item) for key, item in value.items()})
    if kind in _SEQUENCES:
        return kind(_built(_item(arguments, place), item) for place, item in enumerate(value))
    if _is_kind(kind, Mapping) and len(arguments) == 2:
        return {key: _built(arguments[1], item) for key, item in value.items()}
    return kind(value) if kind is float or _is_kind(kind, PurePath) else value
