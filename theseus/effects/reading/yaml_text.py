"""YAML text to plain data, without the surprises of YAML 1.1, and back to places in the text.

`12:30:00` is text and `010` is ten; a key that stands twice is an error. `yes` and `no` are text in
a dispatch config, and true and false in a job config, as OmegaConf reads them.
"""

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

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
_TEXT = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"
MOST_NODES = 1_000_000  # of a document, each alias counted as all it stands for
MOST_LEVELS = 100  # of mappings and lists, so that whatever walks through them may recurse
_Size: TypeAlias = tuple[int, int]  # nodes and levels
_OPEN: _Size = (-1, -1)  # of a node that is being counted


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


class _Refused(yaml.MarkedYAMLError):
    """YAML that would be read, yet cannot be meant."""

    def __init__(self, problem: str, node: yaml.Node) -> None:
        super().__init__(None, None, problem, node.start_mark)


class CheckedLoader(yaml.CSafeLoader):
    """Refuses keys that stand twice, and aliases that lead in circles or to too much.

    Most of a config is text and mappings from text, which PyYAML would ask many questions about:
    what is overridden here answers for those by itself, and leaves anything else to PyYAML.
    """

    def get_single_node(self) -> yaml.Node | None:
        """The document as it was written, before merges and aliases are followed."""
        root: yaml.Node | None = super().get_single_node()
        if isinstance(root, yaml.CollectionNode):
            _expanded(root, {})
        return root

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        """The tag of what is written without one; *implicit* says first that it has no quotes."""
        if kind is not yaml.ScalarNode:
            return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]  # PyYAML has no types
        if implicit[0]:
            for tag, pattern in self.yaml_implicit_resolvers.get(value[:1], ()):
                if pattern.match(value):
                    return str(tag)
        return _TEXT

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002  the signature is that of PyYAML's method
        """What *node* stands for."""
        return node.value if _is_text(node) else super().construct_object(node, deep)

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002  the signature is that of PyYAML's method
    ) -> dict[Any, Any]:
        """What *node*, if it is a mapping, stands for; if its keys are text, nothing is merged."""
        if node.id == "mapping" and all(_is_text(key) for key, _ in node.value):
            return {key.value: self.construct_object(value) for key, value in node.value}
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put what `<<` names before the own keys of *node*: of two, the later is the value.

        PyYAML's own, from 6.0.4, loses what a merged mapping has overridden itself.
        """
        sources = [value for key, value in node.value if key.tag == _MERGE]
        if not sources:
            return
        own = [pair for pair in node.value if pair[0].tag != _MERGE]
        pairs = {}
        for source in reversed([each for value in sources for each in _merged(value)]):
            self.flatten_mapping(source)
            pairs.update({_name(key): (key, value) for key, value in source.value})
        pairs.update({_name(key): (key, value) for key, value in own})
        node.value = list(pairs.values())


def _is_text(node: yaml.Node) -> bool:
    return node.tag == _TEXT and isinstance(node, yaml.ScalarNode)


def _merged(value: yaml.Node) -> list[yaml.MappingNode]:
    """The mappings that *value*, beside a `<<`, names; of two, the first one counts."""
    mappings = value.value if isinstance(value, yaml.SequenceNode) else [value]
    if all(isinstance(each, yaml.MappingNode) for each in mappings):
        return list(mappings)
    raise _Refused("<< takes a mapping or a list of mappings", value)


def _name(key: yaml.Node) -> object:
    return (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)


def _expanded(node: yaml.CollectionNode, known: dict[int, _Size]) -> _Size:
    """What *node* stands for with every alias followed; *known* are the nodes seen before."""
    known[id(node)] = _OPEN
    items = node.value
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        items = [item for pair in items for item in pair]
    nodes, levels = 1 + len(items), 0
    for item in items:
        if isinstance(item, yaml.CollectionNode):
            size = known.get(id(item)) or _expanded(item, known)
            if size is _OPEN:
                raise _Refused("an alias stands inside what it stands for", item)
            nodes += size[0] - 1
            levels = max(levels, size[1])
    if nodes > MOST_NODES:
        raise _Refused(f"aliases make this more than {MOST_NODES} values", node)
    if levels >= MOST_LEVELS:
        raise _Refused(f"this is nested more than {MOST_LEVELS} levels deep", node)
    known[id(node)] = nodes, levels + 1
    return nodes, levels + 1


def _check_keys(node: yaml.MappingNode) -> None:
    if len({_name(key) for key, _ in node.value}) == len(node.value):
        return
    names = [_name(key) for key, _ in node.value]
    for at, (key, _) in enumerate(node.value):
        if names[at] in names[:at] and key.tag != _MERGE:
            raise _Refused(f"the key {key.value!r} stands twice", key)


class DispatchLoader(CheckedLoader):
    """Loads a dispatch config."""

    yaml_implicit_resolvers = _resolvers(re.compile(rf"(?:{_TRUE_FALSE.pattern})\Z"), "tTfF")


class JobLoader(DispatchLoader):
    """Loads a job config."""

    yaml_implicit_resolvers = _resolvers(
        re.compile(rf"(?:{_TRUE_FALSE.pattern}|{_YES_NO.pattern})\Z"), "yYnNtTfFoO"
    )


def _construct_int(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))


for _loader in (DispatchLoader, JobLoader):
    _loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


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
