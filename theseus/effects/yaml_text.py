"""YAML text to plain data, without the surprises of YAML 1.1, and back to places in the text.

`12:30:00` is text and `010` is ten; a key that stands twice is an error. `yes` and `no` are text in
a dispatch config, and true and false in a job config, as OmegaConf reads them.
"""

import re
from collections.abc import Sequence
from typing import Any

import yaml
from returns.result import Failure, Result, Success

from theseus.core.errors import Located

_INT = re.compile(r"[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+")
# YAML 1.2, and `1e-3` without a point, as OmegaConf has it
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_TRUE_FALSE = re.compile(r"true|True|TRUE|false|False|FALSE")
_YES_NO = re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")


def _resolvers(boolean: re.Pattern[str], first: str) -> dict[str, list[tuple[str, Any]]]:
    table: dict[str, list[tuple[str, Any]]] = {}
    for tag, pattern, characters in (
        ("bool", boolean, first),
        ("int", re.compile(rf"(?:{_INT.pattern})\Z"), "-+0123456789"),
        ("float", re.compile(rf"(?:{_FLOAT.pattern})\Z"), "-+0123456789."),
        ("null", re.compile(r"(?:~|null|Null|NULL|)\Z"), "~nN"),
        ("merge", re.compile(r"<<\Z"), "<"),
    ):
        for character in [*characters, *([""] if tag == "null" else [])]:
            table.setdefault(character, []).append((f"tag:yaml.org,2002:{tag}", pattern))
    return table


class _DuplicateKey(yaml.MarkedYAMLError):
    """A key stands twice in one mapping."""


class DispatchLoader(yaml.CSafeLoader):
    """Loads a dispatch config."""

    yaml_implicit_resolvers = _resolvers(re.compile(rf"(?:{_TRUE_FALSE.pattern})\Z"), "tTfF")

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  PyYAML's signature
        """A mapping whose keys are all different."""
        seen: set[object] = set()
        for key, _ in node.value:
            name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)
            if name in seen and key.tag != "tag:yaml.org,2002:merge":
                raise _DuplicateKey(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


class JobLoader(DispatchLoader):
    """Loads a job config."""

    yaml_implicit_resolvers = _resolvers(
        re.compile(rf"(?:{_TRUE_FALSE.pattern}|{_YES_NO.pattern})\Z"), "yYnNtTfFoO"
    )


def _construct_int(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))


def _construct_mapping(loader: DispatchLoader, node: yaml.MappingNode) -> Any:  # noqa: ANN401  PyYAML's protocol
    data: dict[Any, Any] = {}
    yield data
    data.update(loader.construct_mapping(node))


for _loader in (DispatchLoader, JobLoader):
    _loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
    _loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def parse(text: str, loader: type[yaml.CSafeLoader]) -> Result[Any, Located]:
    """The data in *text*, or where it is no YAML."""
    try:
        return Success(yaml.load(text, loader))  # noqa: S506  both loaders are safe ones
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return Failure(Located(line, column, (), _complaint(error)))
    except UnicodeEncodeError:
        return Failure(Located(0, 0, (), "no YAML: holds bytes that are no UTF-8 text"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        return Failure(Located(0, 0, (), f"no YAML: {first}"))


def _complaint(error: yaml.MarkedYAMLError) -> str:
    """What PyYAML says, read aloud: `did not find … while parsing …`."""
    context, problem = error.context or "", error.problem or ""
    first, second = (problem, context) if context.startswith("while") else (context, problem)
    return " ".join(filter(None, (first, second)))


def locate(text: str, paths: Sequence[tuple[str | int, ...]]) -> list[tuple[int, int]]:
    """Line and column, from 1, of each key path in *text*: its key's, or what is nearest."""
    root = yaml.compose(text, yaml.CSafeLoader)
    return [(1, 1) if root is None else _place(root, path) for path in paths]


def _place(root: yaml.Node, path: tuple[str | int, ...]) -> tuple[int, int]:
    node, mark = root, root.start_mark
    for key in path:
        match node:
            case yaml.MappingNode():
                found = next(((k, v) for k, v in node.value if k.value == str(key)), None)
            case yaml.SequenceNode() if isinstance(key, int) and key < len(node.value):
                found = (node.value[key], node.value[key])
            case _:
                found = None
        if found is None:
            break
        mark, node = found[0].start_mark, found[1]
    return mark.line + 1, mark.column + 1
