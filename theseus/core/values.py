"""Values: attrs' frozen classes, without compiling for each what is alike for all.

attrs writes and compiles `__repr__`, `__eq__` and `__hash__` of each class at each start. Of two
hundred classes a command compares and shows a few: they share the three below, and a start takes a
sixth less time. In all else a class is what `attrs.frozen` makes.
"""

from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from attrs import frozen as frozen  # noqa: PLC0414  the checker of types knows it by this name
else:

    def frozen(cls: type) -> type:
        """The immutable class of values that *cls* describes."""
        shared = {"__repr__": _repr, "__eq__": _eq, "__hash__": _hash}
        for name, method in shared.items():
            if name not in cls.__dict__:
                setattr(cls, name, method)
        return attrs.frozen(repr=False, eq=False)(cls)


def _repr(self: Any) -> str:  # noqa: ANN401  a value of any class made above
    shown = (field.name for field in attrs.fields(type(self)) if field.repr)
    inner = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__qualname__.rpartition('>.')[2]}({inner})"


def _eq(self: Any, other: object) -> Any:  # noqa: ANN401  a value of any class made above
    content = _content(self.__class__)
    return content(self) == content(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:  # noqa: ANN401  a value of any class made above
    return hash((self.__class__, _content(self.__class__)(self)))


@cache
def _content(cls: type[Any]) -> Any:  # noqa: ANN401  gives what its values are compared by
    names = [field.name for field in attrs.fields(cls) if field.eq]
    return attrgetter(*names) if names else type
