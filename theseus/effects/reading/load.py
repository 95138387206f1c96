"""Load: config files from disk to frozen values, every problem with its file, line and column."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.config.config import DispatchConfig
from theseus.core.config.config_checks import decode_config
from theseus.core.config.decode import Problem
from theseus.core.config.mount import refer_to_passwords
from theseus.core.errors import BadFile, Located, Unreadable
from theseus.effects.reading.interpolation import holds_interpolation, resolve
from theseus.effects.reading.yaml_text import DispatchLoader, JobLoader, locate, parse

DEFAULT_DISPATCH_CONFIG = "~/.theseus.yaml"
Exempt = Callable[[Any], Any]


def load_config(path: str | None) -> Result[DispatchConfig, BadFile | Unreadable]:
    """The dispatch config at *path*, or at `~/.theseus.yaml` when None."""
    shown = DEFAULT_DISPATCH_CONFIG if path is None else path
    advice = (
        "write one (examples/dispatch.yaml explains every key), or name another with -d"
        if path is None
        else "check the path given with -d"
    )
    text = read_text("dispatch config", shown, advice)
    origin = shown if shown.startswith("~") else str(Path(shown).absolute())
    return text.bind(lambda text: _decoded_config(shown, text)).map(
        lambda config: refer_to_passwords(config, origin)
    )


def config_path(path: str | None) -> str:
    """The absolute path of the dispatch config that `load_config` has read from *path*."""
    return str(Path(path or DEFAULT_DISPATCH_CONFIG).expanduser().absolute())


def load_job_text(path: str) -> Result[tuple[str, dict[str, Any]], BadFile | Unreadable]:
    """The text of the job config at *path* and the mapping in it, nothing resolved yet."""
    text = read_text("job config", path, "check the path")
    return text.bind(
        lambda text: _parsed(path, text, JobLoader).bind(
            lambda data: _mapping(path, data).map(lambda mapping: (text, mapping))
        )
    )


def read_text(kind: str, path: str, advice: str) -> Result[str, BadFile | Unreadable]:
    """The text of a file, which must be UTF-8."""
    try:
        return Success(Path(path).expanduser().read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        reason = f"is no UTF-8 text (byte {error.start})"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
    except (RuntimeError, ValueError) as error:
        # `~name` of a user that does not exist, or a NUL in the path
        reason = str(error).lower().rstrip(".")
    return Failure(Unreadable(kind, path, reason, advice))


def located(path: str, text: str, problems: tuple[Problem, ...]) -> BadFile:
    """*problems* with their places in *text*, in its order."""
    paths = [problem.path for problem in problems]
    places = locate(text, paths) if text else [(0, 0)] * len(paths)  # no text: not from a file
    found = [
        Located(line, column, problem.path, problem.message)
        for (line, column), problem in zip(places, problems, strict=True)
    ]
    return BadFile(path, tuple(sorted(found, key=lambda problem: (problem.line, problem.column))))


def resolve_interpolations(
    path: str, text: str, data: Mapping[str, Any]
) -> Result[dict[str, Any], BadFile]:
    """A job config with its `${…}` resolved, the shell text of `command` left alone."""
    kept = {key: item for key, item in data.items() if key == "command"}
    rest = {key: item for key, item in data.items() if key != "command"}
    resolved: Result[dict[str, Any], Problem] = resolve(rest)
    ordered = resolved.map(lambda values: {key: {**values, **kept}[key] for key in data})
    return ordered.alt(lambda problem: located(path, text, (problem,)))


def _decoded_config(path: str, text: str) -> Result[DispatchConfig, BadFile | Unreadable]:
    parsed = _parsed(path, text, DispatchLoader)
    if not is_successful(parsed):
        return Failure(parsed.failure())
    data = parsed.unwrap()
    if data is None:
        return Failure(BadFile(path, (Located(1, 1, (), "the file is empty"),)))
    resolved: Result[Any, Problem] = (
        _resolved_config(data) if holds_interpolation(text) else Success(data)
    )
    if not is_successful(resolved):
        return Failure(located(path, text, (resolved.failure(),)))
    return decode_config(resolved.unwrap()).alt(lambda problems: located(path, text, problems))


def _resolved_config(data: Any) -> Result[Any, Problem]:  # noqa: ANN401  plain data of any shape
    """The config with `${…}` resolved, the shell text of every `setup` left alone."""
    hosts = data.get("hosts") if isinstance(data, Mapping) else None
    if not isinstance(hosts, Mapping):
        return resolve(data)
    setups = {
        name: host["setup"]
        for name, host in hosts.items()
        if isinstance(host, Mapping) and "setup" in host
    }
    bare = {
        name: {key: item for key, item in host.items() if key != "setup"}
        if isinstance(host, Mapping)
        else host
        for name, host in hosts.items()
    }

    def restored(resolved: Any) -> Any:  # noqa: ANN401  plain data of any shape
        for name, setup in setups.items():
            resolved["hosts"][name]["setup"] = setup
        return resolved

    return resolve({**data, "hosts": bare}).map(restored)


def _parsed(
    path: str, text: str, loader: type[DispatchLoader]
) -> Result[Any, BadFile | Unreadable]:
    return parse(text, loader).alt(lambda problem: BadFile(path, (problem,)))


def _mapping(path: str, data: Any) -> Result[dict[str, Any], BadFile | Unreadable]:  # noqa: ANN401  whatever YAML holds
    if isinstance(data, dict):
        return Success(data)
    return Failure(BadFile(path, (Located(1, 1, (), "expected a mapping of keys to values"),)))
