"""Strict decoding: plain data into frozen attrs values, every problem at once.

The annotations of a class are its schema. Nothing is coerced: `22.5` is no whole number, `true` is
no number, a text is no list. A problem names the key path, what was expected and the nearest known
key; whoever read the text adds line and column.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, partial
from types import MappingProxyType, NoneType, UnionType
from typing import (
    Annotated,
    Any,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.base.scalar import scalar
from theseus.core.config.secrets import Referenced, written
from theseus.core.values import frozen

Path: TypeAlias = tuple[str | int, ...]
Decoded = TypeVar("Decoded")

UNSENDABLE = "a NUL character or half a surrogate pair"
# \udc80-\udcff are bytes that are no UTF-8, as Python reads them from a command line
_UNSENDABLE = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
_DECODE_HINT = ", which is text (a number from the environment is ${oc.decode:${oc.env:NAME}})"
_KINDS: Mapping[object, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


@frozen
class Problem:
    """What is wrong with a value, and the *path* of keys that leads to it."""

    path: Path
    message: str


@frozen
class Parsed:
    """Annotation of a field that *parse* reads from whatever stands there."""

    parse: Callable[[object], Result[Any, str]]


@frozen
class Tagged:
    """Annotation of a field whose class is chosen by the value of *key*."""

    key: str
    classes: Mapping[str, type]


@frozen
class OrName:
    """Annotation of a class that may be written as its bare `name`."""


def show_path(path: Path) -> str:
    """`hosts.box.partitions[0]` of ("hosts", "box", "partitions", 0).

    >>> show_path(("hosts", "box", "partitions", 0))
    'hosts.box.partitions[0]'
    """
    shown = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return shown.removeprefix(".")


def value_at(data: object, path: Path) -> object:
    """What stands at *path* in plain *data*; None where nothing does.

    >>> value_at({"hosts": {"box": {"partitions": ["gpu"]}}}, ("hosts", "box", "partitions", 0))
    'gpu'
    """
    for key in path:
        match data:
            case Mapping():
                data = data.get(key)
            case list() | tuple() if isinstance(key, int) and key < len(data):
                data = data[key]
            case _:
                return None
    return data


def show_value(value: object) -> str:
    """A short name of a wrong value: its kind and, for a scalar, itself.

    What came from the environment is named as it is written, whatever it holds.
    """
    match value:
        case None:
            return "nothing"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case Referenced(text, _, decoded):
            spells_more = not decoded and not isinstance(scalar(text), str)
            return written(value) + (_DECODE_HINT if spells_more else "")
        case _:
            return f"{_KINDS.get(type(value), type(value).__name__)} {value!r}"


def nearest(name: str, known: Sequence[str]) -> str:
    """`; did you mean 'chips'?` when a *known* name is close to *name*, else nothing.

    Names that begin with *name* and a hyphen are closest: all `a100-…` when it is `a100`.
    """
    by_letters = {each.lower(): each for each in known}
    longer = [letters for letters in by_letters if letters.startswith(f"{name.lower()}-")]
    close = longer or get_close_matches(name.lower(), by_letters, 1)
    names = " or ".join(repr(by_letters[each]) for each in close)
    return f"; did you mean {names}?" if close else ""


def nearest_or_all(name: str, known: Sequence[str]) -> str:
    """What *nearest* says, or else all that is *known*.

    >>> nearest_or_all("bax", ["box", "desk"]), nearest_or_all("nope", ["box", "desk"])
    ("; did you mean 'box'?", '; known are box, desk')
    """
    return nearest(name, known) or f"; known are {', '.join(known)}"


def expected(what: str, value: object) -> str:
    """What to say of a *value* that is not *what*."""
    return f"expected {what}, got {show_value(value)}"


def plain(value: object) -> object:
    """*value*, wherever it came from: for structure, which stands in the plan as it is."""
    return value.value if isinstance(value, Referenced) else value


def plain_text(value: object) -> str | None:
    """The text of a text, also of one that came from the environment; None of anything else."""
    text = plain(value)
    return text if isinstance(text, str) else None


def can_be_sent(text: str) -> bool:
    r"""Whether a command, a path and a variable can hold *text*: whether it is bytes without NUL.

    >>> can_be_sent("caf\udce9"), can_be_sent("\ud800"), can_be_sent("\0")
    (True, False, False)
    """
    return _UNSENDABLE.search(text) is None


def decode(cls: type[Decoded], data: object) -> Result[Decoded, tuple[Problem, ...]]:
    """*data* as a *cls*, or every problem in it."""
    notes = _Notes([])
    decoded = _instance(cls, notes, data, ())
    return Failure(tuple(notes.problems)) if notes.problems else Success(decoded)


@frozen
class _Notes:
    """Where a decoding says what is wrong."""

    problems: list[Problem]

    def refuse(self, path: Path, message: str) -> None:
        self.problems.append(Problem(path, message))


_Reading: TypeAlias = Callable[[_Notes, object, Path], Any]
"""Makes a value of what stands at a path, or notes a problem and makes None."""


@cache
def _readings(cls: type) -> Mapping[str, _Reading]:
    """The keys of a class, and how each is read: found out once, for many are read."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: _reading(hints[field.name]) for field in attrs.fields(cls) if field.init}


@cache
def _required(cls: type) -> tuple[str, ...]:
    """The keys of a class that must be there."""
    fields = (field for field in attrs.fields(cls) if field.init)
    return tuple(field.name for field in fields if field.default is attrs.NOTHING)


def _reading(schema: Any) -> _Reading:
    if isinstance(schema, type):
        return partial(_instance if attrs.has(schema) else _scalar, schema)
    origin, arguments = get_origin(schema), get_args(schema)
    if origin is Annotated:
        return _annotated(*arguments)
    if origin in {UnionType, Union}:
        # `_instance` leaves out a key without a value, so there is one
        (kind,) = (each for each in arguments if each is not NoneType)
        return _reading(kind)
    if origin is tuple:
        return partial(_sequence, _reading(arguments[0]))
    if origin is Mapping:
        return partial(_mapping, _reading(arguments[1]))
    return partial(_literal, arguments)


def _annotated(kind: Any, note: Any) -> _Reading:
    match note:
        case Parsed(parse):
            return partial(_parsed, parse)
        case Tagged():
            return partial(_tagged, note)
        case _:
            return partial(_named, _reading(kind))


def _parsed(
    parse: Callable[[object], Result[Any, str]], notes: _Notes, value: object, path: Path
) -> Any:
    parsed = parse(value)
    if is_successful(parsed):
        return parsed.unwrap()
    return notes.refuse(path, parsed.failure())


def _tagged(tagged: Tagged, notes: _Notes, value: object, path: Path) -> Any:
    if not isinstance(value, Mapping):
        return notes.refuse(path, expected("a mapping", value))
    key, classes = tagged.key, tagged.classes
    tags = " or ".join(classes)
    if key not in value:
        return notes.refuse(path, f"lacks the key {key!r} ({tags})")
    tag = plain_text(value[key])
    if tag is None or tag not in classes:
        return notes.refuse((*path, key), expected(tags, value[key]))
    rest = dict(value)
    del rest[key]
    return _instance(classes[tag], notes, rest, path)


def _named(reading: _Reading, notes: _Notes, value: object, path: Path) -> Any:
    name = plain_text(value)
    return reading(notes, value if name is None else {"name": name}, path)


def _sequence(element: _Reading, notes: _Notes, value: object, path: Path) -> Any:
    if not isinstance(value, list | tuple):
        return notes.refuse(path, expected("a list", value))
    return tuple(element(notes, item, (*path, at)) for at, item in enumerate(value))


def _mapping(element: _Reading, notes: _Notes, value: object, path: Path) -> Any:
    if not isinstance(value, Mapping):
        return notes.refuse(path, expected("a mapping", value))
    decoded = {}
    for key, item in value.items():
        if isinstance(key, str):
            decoded[key] = element(notes, item, (*path, key))
        else:
            notes.refuse((*path, str(key)), f"expected text as a key, got {show_value(key)}")
    return MappingProxyType(decoded)


def _literal(options: tuple[str, ...], notes: _Notes, value: object, path: Path) -> Any:
    text = plain_text(value)
    if text in options:
        return text
    return notes.refuse(path, expected(" or ".join(options), value))


def _instance(cls: type, notes: _Notes, value: object, path: Path) -> Any:
    if not isinstance(value, Mapping):
        return notes.refuse(path, expected("a mapping", value))
    readings = _readings(cls)
    for key in value:
        if key not in readings:
            known = nearest(str(key), tuple(readings))
            notes.refuse((*path, str(key)), f"unknown key{known}")
    required = _required(cls)
    for name in required:
        if value.get(name) is None:
            notes.refuse(path, f"lacks the key {name!r}")
    before = len(notes.problems)
    decoded = {
        name: reading(notes, item, (*path, name))
        for name, reading in readings.items()
        if (item := value.get(name)) is not None
    }
    # a value with holes is never built: its problems are said already
    whole = len(notes.problems) == before and all(name in decoded for name in required)
    return cls(**decoded) if whole else None


def _scalar(kind: Any, notes: _Notes, value: object, path: Path) -> Any:
    text = plain_text(value)
    if kind is str and text is not None:
        return text if can_be_sent(text) else notes.refuse(path, f"holds {UNSENDABLE}")
    # bool is a subclass of int, and a whole number is a fine float
    found = plain(value)
    if type(found) is kind or (kind is float and type(found) is int):
        return found
    return notes.refuse(path, expected(_KINDS[kind], value))
