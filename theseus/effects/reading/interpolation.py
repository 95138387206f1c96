"""Interpolation: `${…}` in configs, resolved by OmegaConf.

What came from the environment stays known as such: while a config is resolved, `oc.env` answers
with a mark that stands for the variable, however the config spells it. OmegaConf is imported only
when a text holds `${`. Shell text (`setup`, `command`) is exempt: `${HOME}` there is the shell's.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import evolve, field
from returns.result import Failure, Result, Success

from theseus.core.config.decode import Problem
from theseus.core.config.secrets import EnvironmentSecret, Referenced, written
from theseus.core.values import frozen

# private-use characters, which no config holds, around the number of a reference
_MARK = re.compile("\ue000(\\d+)\ue001")
_UNSET = object()
_ONE_AT_A_TIME = threading.Lock()  # OmegaConf's resolvers are the whole process's


def resolve(data: Any) -> Result[Any, Problem]:  # noqa: ANN401  plain data of any shape
    """*data* with every `${…}` resolved; what has parts from the environment is `Referenced`."""
    from omegaconf import OmegaConf  # noqa: PLC0415  58 ms that most invocations do not need
    from omegaconf.errors import OmegaConfBaseException  # noqa: PLC0415  OmegaConf is imported for texts with `${` alone

    marks = _Marks()
    try:
        with _standing_in(marks):
            resolved = OmegaConf.to_container(OmegaConf.create(data), resolve=True)
    except OmegaConfBaseException as error:
        return Failure(Problem(_path(error), _message(error, marks)))
    return Success(_texts(resolved, marks.read))


def holds_interpolation(text: str) -> bool:
    """Whether *text* needs `resolve` at all."""
    return "${" in text


@frozen
class _Marks:
    """Marks in texts, and the *references* that they stand for by number.

    Its methods stand in for OmegaConf's resolvers; what another thread resolves is not its own.
    """

    references: list[Referenced] = field(factory=list)
    _thread: int = field(factory=threading.get_ident)

    def environment(self, name: object, default: object = _UNSET) -> object:
        """`oc.env`: a mark for what the variable holds."""
        value = os.environ.get(str(name))
        if value is None and default is _UNSET:
            raise ValueError(f"the environment variable {name} is not set")
        if value is None:
            return None if default is None else str(default)
        if threading.get_ident() != self._thread:
            return value
        return self._put(Referenced(value, (EnvironmentSecret(str(name)),)))

    def decode(self, text: str | None, _parent_: Any, _node_: Any) -> object:  # noqa: ANN401  they are internal to OmegaConf, which gives them no type
        """`oc.decode`: OmegaConf's own, but for what holds a mark."""
        from omegaconf.resolvers import oc  # noqa: PLC0415  OmegaConf is imported for texts with `${` alone

        spelled = self._spelled(text)
        return oc.decode(text, _parent_, _node_) if spelled is None else spelled

    def coerce(self, kind: str, value: object) -> object:
        """`oc.coerce`: OmegaConf's own, but for what holds a mark."""
        from omegaconf.resolvers import oc  # noqa: PLC0415  OmegaConf is imported for texts with `${` alone

        spelled = None if kind == "str" else self._spelled(value)
        return oc.coerce(kind, value) if spelled is None else spelled

    def read(self, text: str) -> str | Referenced:
        """*text* with its marks replaced by what they stand for."""
        pieces = _MARK.split(text)
        if len(pieces) == 1:
            return text
        if len(pieces) == 3 and pieces[0] == pieces[2] == "":
            return self.references[int(pieces[1])]
        parts: list[str | EnvironmentSecret] = []
        for at, piece in enumerate(pieces):
            if at % 2:
                parts.extend(self.references[int(piece)].parts)
            elif piece:
                parts.append(piece)
        whole = _MARK.sub(lambda found: self.references[int(found[1])].text, text)
        return Referenced(whole, tuple(parts))

    def shown(self, text: str) -> str:
        """*text* for people, its marks replaced by what the config has there."""
        return _MARK.sub(lambda found: written(self.references[int(found[1])]), text)

    def _put(self, reference: Referenced) -> str:
        self.references.append(reference)
        return f"\ue000{len(self.references) - 1}\ue001"

    def _spelled(self, value: object) -> str | None:
        """A mark for the number that a text with marks spells; None for anything else."""
        found = self.read(value) if isinstance(value, str) else None
        if not isinstance(found, Referenced):
            return None
        if found.text.lstrip()[:1] in {"[", "{"}:
            raise ValueError(
                f"{written(found)} holds a list or a mapping: of what is in the environment, "
                "oc.decode makes numbers, true, false and null"
            )
        return self._put(evolve(found, decoded=True))


@contextmanager
def _standing_in(marks: _Marks) -> Iterator[None]:
    """Have OmegaConf ask *marks*; afterwards its resolvers are those that were there before."""
    from omegaconf import OmegaConf  # noqa: PLC0415  58 ms that most invocations do not need
    from omegaconf.basecontainer import BaseContainer  # noqa: PLC0415  OmegaConf is imported for texts with `${` alone

    with _ONE_AT_A_TIME:
        kept = dict(BaseContainer._resolvers)  # noqa: SLF001  nothing public tells a caller's own
        try:
            OmegaConf.register_resolver("oc.env", marks.environment, replace=True)
            OmegaConf.register_resolver("oc.decode", marks.decode, replace=True)
            OmegaConf.register_resolver("oc.coerce", marks.coerce, replace=True)
            yield
        finally:
            BaseContainer._resolvers = kept  # noqa: SLF001  nothing public puts them back


def _texts(data: Any, change: Callable[[str], Any]) -> Any:  # noqa: ANN401  plain data of any shape
    match data:
        case str():
            return change(data)
        case Mapping():
            return {key: _texts(item, change) for key, item in data.items()}
        case list() | tuple():
            return [_texts(item, change) for item in data]
        case _:
            return data


def _path(error: Exception) -> tuple[str | int, ...]:
    full = getattr(error, "full_key", None) or ""
    names = re.findall(r"[^.\[\]]+", full)
    return tuple(int(name) if name.isdecimal() else name for name in names)


def _message(error: Exception, marks: _Marks) -> str:
    first = marks.shown(str(error).splitlines()[0])
    reason = first.partition("raised while resolving interpolation: ")[2] or first
    if type(error).__name__ == "GrammarParseError":
        reason = f"a ${{…}} that is not well formed: {reason}"
    return f"{reason} (a literal ${{ is written \\${{)"
