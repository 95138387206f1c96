"""What a job's config class says of itself.

Here: dataclasses and attrs classes, read through what they carry with them. Never here: an import
of attrs, or a value to compare with the class.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import sys
import types
import typing
from pathlib import PurePath
from typing import Any, Dict, Mapping, Tuple

MISSING = "???"  # as OmegaConf writes a value that has still to be given


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a config class and what it may hold.

    *default* is in a tuple, which is empty where there is none or it depends on other fields.
    """

    name: str
    annotation: Any
    required: bool = False
    default: Tuple[Any, ...] = ()


def is_config_class(candidate: object) -> bool:
    """Whether *candidate* is a dataclass or an attrs class."""
    return isinstance(candidate, type) and (
        dataclasses.is_dataclass(candidate) or hasattr(candidate, "__attrs_attrs__")
    )


def config_fields(cls: type) -> Tuple[Field, ...]:
    """The fields of a config class that its constructor takes."""
    if dataclasses.is_dataclass(cls):
        found = dataclasses.fields(cls)
        return tuple(_dataclass_field(cls, field) for field in found if field.init)
    attributes: Any = getattr(cls, "__attrs_attrs__")  # noqa: B009 - no static type has it
    return tuple(_attrs_field(cls, attribute) for attribute in attributes if attribute.init)


def _dataclass_field(cls: type, field: dataclasses.Field[Any]) -> Field:
    annotation = resolved(cls, field.type)
    if field.default is not dataclasses.MISSING:
        return Field(field.name, annotation, default=(field.default,))
    if field.default_factory is not dataclasses.MISSING:
        return Field(field.name, annotation, default=(field.default_factory(),))
    return Field(field.name, annotation, required=True)


def _attrs_field(cls: type, attribute: Any) -> Field:  # noqa: ANN401 - attrs is not imported here
    # attrs calls "alias" what its __init__ takes; before 22.2 that was the name less underscores.
    name = getattr(attribute, "alias", None) or attribute.name.lstrip("_")
    annotation = resolved(cls, Any if attribute.type is None else attribute.type)
    default = attribute.default
    if type(default).__name__ == "_Nothing":
        return Field(name, annotation, required=True)
    if type(default).__name__ != "Factory":
        return Field(name, annotation, default=(default,))
    return Field(name, annotation, default=() if default.takes_self else (default.factory(),))


def resolved(cls: type, annotation: Any) -> Any:  # noqa: ANN401 - annotations are of any type
    """What an annotation in *cls* means, Any where that cannot be told from outside.

    So it is for names imported for type checkers only, and for `X | Y` on Python 3.9.
    """
    return _evaluated(cls, annotation) if isinstance(annotation, str) else annotation


@functools.cache  # many runs are checked against one class
def _evaluated(cls: type, annotation: str) -> Any:  # noqa: ANN401 - annotations are of any type
    holder = types.SimpleNamespace(__annotations__={"field": annotation})
    for owner in cls.__mro__:
        names = vars(sys.modules[owner.__module__])
        try:
            return typing.get_type_hints(holder, names, dict(vars(owner)))["field"]
        except (NameError, TypeError, AttributeError, SyntaxError):
            continue
    return Any


def config_defaults(cls: type) -> Dict[str, Any]:
    """The fields of a config class and their defaults, nested; "???" where one must be given."""
    defaults: Dict[str, Any] = {}
    for field in config_fields(cls):
        if field.default:
            defaults[field.name] = _plain(field.default[0])
        elif is_config_class(field.annotation):
            defaults[field.name] = config_defaults(field.annotation)
        elif field.required:
            defaults[field.name] = MISSING
    return defaults


def _plain(value: Any) -> Any:  # noqa: ANN401 - a default may be of any type
    if is_config_class(type(value)):
        fields = config_fields(type(value))
        return {field.name: _plain(_held(value, field.name)) for field in fields}
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, PurePath) else value


def _held(instance: object, name: str) -> Any:  # noqa: ANN401 - a field may be of any type
    # The constructor of an attrs class takes `name` for an attribute `_name`.
    return getattr(instance, name) if hasattr(instance, name) else getattr(instance, f"_{name}")
