"""The configuration a job is given.

Here: one immutable nested value. Never here: reading files, filling in variables, or checking
fields.
"""

from __future__ import annotations

import difflib
import json
from typing import Any, Dict, Iterator, Mapping, NoReturn, Tuple


def _frozen(value: Any) -> Any:  # noqa: ANN401 - a configuration holds values of any type
    if isinstance(value, Config):
        return value
    if isinstance(value, Mapping):
        return Config(value)
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    return value


def _plain(value: Any) -> Any:  # noqa: ANN401 - a configuration holds values of any type
    if isinstance(value, Config):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


class Config(Mapping[str, Any]):
    """An immutable nested mapping whose keys are attributes too.

    Lists become tuples; a key that is no string becomes the one JSON writes. A key with the name of
    a method, such as `items`, is reached as `cfg["items"]`.

    >>> cfg = Config({"optim": {"lr": 0.1}})
    >>> cfg.optim.lr == cfg["optim"]["lr"]
    True
    """

    __slots__ = ("_values",)
    _values: Dict[str, Any]

    def __init__(self, values: Mapping[Any, Any]) -> None:
        named = {
            key if isinstance(key, str) else json.dumps(key): _frozen(value)
            for key, value in values.items()
        }
        object.__setattr__(self, "_values", named)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - a configuration holds values of any type
        return self._values[key]

    def __getattr__(self, key: str) -> Any:  # noqa: ANN401 - a configuration holds values of any type
        try:
            return self._values[key]
        except KeyError:
            raise AttributeError(f"the config has no key {key!r}{self._nearest(key)}") from None

    def _nearest(self, key: str) -> str:
        near = difflib.get_close_matches(key, self._values)
        if near:
            return f"; did you mean {', '.join(near)}?"
        return f"; it has {', '.join(self._values)}" if self._values else "; it is empty"

    def __setattr__(self, key: str, value: object) -> NoReturn:
        raise AttributeError(f"a config cannot be changed: {key!r} keeps its value")

    def __delattr__(self, key: str) -> NoReturn:
        raise AttributeError(f"a config cannot be changed: {key!r} keeps its value")

    def __dir__(self) -> Tuple[str, ...]:
        return (*super().__dir__(), *self._values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        theirs = other if isinstance(other, Config) else Config(other)
        return self._values == theirs._values

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"Config({self.to_dict()!r})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return Config, (self.to_dict(),)

    def to_dict(self) -> Dict[str, Any]:
        """The same as plain dictionaries and lists, which may be changed."""
        return {key: _plain(value) for key, value in self._values.items()}
