"""What the client says about a run: payload.json, and the secrets its config refers to.

Here: reading the payload, and filling or masking its secrets. Never here: acting on it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Sequence

from theseus.base.scalar import Scalar, scalar
from theseus.runtime.documents import read_document

VERSION = 1
CLUSTER_FILE = "cluster.json"  # beside it where the run was started with other paths than planned
_MARK, _DECODED_MARK = "$secret", "$decoded"  # a text with secrets in it; what such a text spells
_VARIABLES = "THESEUS_SECRET_"
MASK = "***"


class PayloadError(Exception):
    """The payload cannot be used; the text says why and what to do."""


def read_payload(run_dir: Path) -> Dict[str, Any]:
    """The payload in *run_dir*; PayloadError when it is damaged or of another version."""
    path = run_dir / "payload.json"
    try:
        payload = read_document(path)
    except (OSError, ValueError) as error:
        raise PayloadError(f"{path} cannot be read ({error}): submit the run again") from error
    if payload.get("version") != VERSION:
        raise PayloadError(
            f"{path} is of version {payload.get('version')!r}, this runtime reads {VERSION}:"
            " submit the run again with one version of theseus"
        )
    moved = run_dir / CLUSTER_FILE
    if moved.exists():
        payload["hardware"]["cluster"].update(_cluster(moved))
    return payload


def _cluster(path: Path) -> Dict[str, Any]:
    try:
        return read_document(path)
    except (OSError, ValueError) as error:
        raise PayloadError(f"{path} cannot be read ({error}): start the run again") from error


def filled(config: Mapping[str, Any], environment: Mapping[str, str]) -> Dict[str, Any]:
    """*config* with the text of its secrets from *environment*; PayloadError if one is missing.

    >>> config = {"url": {"$secret": ["redis://:", {"variable": "THESEUS_SECRET_0"}]}}
    >>> filled(config, {"THESEUS_SECRET_0": "pw"})
    {'url': 'redis://:pw'}
    """

    def content(mark: str, parts: Sequence[Any]) -> Scalar:
        text = "".join(
            part if isinstance(part, str) else _secret(part["variable"], environment)
            for part in parts
        )
        return scalar(text) if mark == _DECODED_MARK else text

    return {key: _with_secrets(value, content) for key, value in config.items()}


def masked(config: Mapping[str, Any]) -> Dict[str, Any]:
    """*config* with `***` for each value that holds a secret."""
    return {key: _with_secrets(value, lambda *_: MASK) for key, value in config.items()}


def without_secrets(environment: Mapping[str, str]) -> Dict[str, str]:
    """*environment* less the variables that carry the secrets of the config."""
    return {name: value for name, value in environment.items() if not name.startswith(_VARIABLES)}


def _secret(variable: str, environment: Mapping[str, str]) -> str:
    if variable not in environment:
        raise PayloadError(
            f"the config refers to the secret {variable}, which secrets.env does not set:"
            " submit the run again"
        )
    return environment[variable]


def _with_secrets(value: Any, content: Callable[[str, Sequence[Any]], Scalar]) -> Any:  # noqa: ANN401 - JSON of any shape
    if isinstance(value, Mapping):
        if set(value) in ({_MARK}, {_DECODED_MARK}):
            ((mark, parts),) = value.items()
            return content(mark, parts)
        return {key: _with_secrets(item, content) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_secrets(item, content) for item in value]
    return value


def finite(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """*value* with text for each number that JSON has none for.

    >>> finite({"clip": float("inf")})
    {'clip': 'inf'}
    """
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
