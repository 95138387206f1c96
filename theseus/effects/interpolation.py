"""Interpolation: `${…}` in configs, resolved by OmegaConf.

What came from the environment stays known as such. OmegaConf is imported only when a text holds
`${`. Shell text (`setup`, `command`) is exempt: `${HOME}` there is the shell's.
"""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from returns.result import Failure, Result, Success

from theseus.core.decode import Problem
from theseus.core.secrets import EnvironmentSecret, Referenced

_OC_ENV = "${oc.env:"
_OUR_ENV = "${theseus.env:"
# private-use characters, which no config holds, around the number of a reference
_TOKEN = re.compile("\ue000(\\d+)\ue001")
_UNSET = object()


def resolve(data: Any) -> Result[Any, Problem]:  # noqa: ANN401  plain data of any shape
    """*data* with every `${…}` resolved; a text with parts from the environment is `Referenced`."""
    from omegaconf import OmegaConf  # noqa: PLC0415  58 ms that most invocations do not need
    from omegaconf.errors import OmegaConfBaseException  # noqa: PLC0415

    references: list[tuple[str, str]] = []
    OmegaConf.register_resolver("theseus.env", _resolver(references), replace=True)
    try:
        config = OmegaConf.create(_texts(data, lambda text: text.replace(_OC_ENV, _OUR_ENV)))
        resolved = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        return Failure(Problem(_path(error), _message(error)))
    finally:
        OmegaConf.clear_resolver("theseus.env")
    return Success(_texts(resolved, lambda text: _referenced(text, references)))


def holds_interpolation(text: str) -> bool:
    """Whether *text* needs `resolve` at all."""
    return "${" in text


def _resolver(references: list[tuple[str, str]]) -> Callable[..., object]:
    def environment(name: str, default: object = _UNSET) -> object:
        value = os.environ.get(name)
        if value is None:
            if default is _UNSET:
                raise ValueError(f"the environment variable {name} is not set")
            return default
        references.append((name, value))
        return f"\ue000{len(references) - 1}\ue001"

    return environment


def _referenced(text: str, references: list[tuple[str, str]]) -> str | Referenced:
    pieces = _TOKEN.split(text)
    if len(pieces) == 1:
        return text
    parts: list[str | EnvironmentSecret] = []
    for at, piece in enumerate(pieces):
        if at % 2:
            parts.append(EnvironmentSecret(references[int(piece)][0]))
        elif piece:
            parts.append(piece)
    return Referenced(_TOKEN.sub(lambda found: references[int(found[1])][1], text), tuple(parts))


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


def _message(error: Exception) -> str:
    first = str(error).splitlines()[0].replace("theseus.env", "oc.env")
    reason = first.partition("raised while resolving interpolation: ")[2] or first
    if type(error).__name__ == "GrammarParseError":
        reason = f"a ${{…}} that is not well formed: {reason}"
    return f"{reason} (a literal ${{ is written \\${{)"
