"""Constraints: whether a node's features satisfy what `--constraint` of sbatch asks.

Read here: names, `&`, `|`, parentheses, and `*COUNT` after a name, which is about how many nodes
and not about one. Anything else (`[…]`, matching OR) is left to SLURM: it rules out no node.
"""

import re
from collections.abc import Sequence

_TOKEN = re.compile(r"\s*([&|()]|[^\s&|()*\[\]]+)(?:\*\d+)?")
_OPERATORS = frozenset("&|)")
_UNREAD = "["  # stands for what is left of a constraint that cannot be read


def satisfies(features: Sequence[str], constraint: str | None) -> bool:
    """Whether a node with *features* can serve *constraint*.

    >>> satisfies(("a100", "ib"), "(h100|a100)&ib")
    True
    """
    if not constraint:
        return True
    tokens = _TOKEN.findall(constraint)
    if "".join(tokens) != re.sub(r"\*\d+|\s", "", constraint):
        return True
    value, rest = _either(tokens, frozenset(features))
    return value or bool(rest)


def _either(tokens: list[str], features: frozenset[str]) -> tuple[bool, list[str]]:
    value, rest = _both(tokens, features)
    while rest and rest[0] == "|":
        other, rest = _both(rest[1:], features)
        value = value or other
    return value, rest


def _both(tokens: list[str], features: frozenset[str]) -> tuple[bool, list[str]]:
    value, rest = _one(tokens, features)
    while rest and rest[0] == "&":
        other, rest = _one(rest[1:], features)
        value = value and other
    return value, rest


def _one(tokens: list[str], features: frozenset[str]) -> tuple[bool, list[str]]:
    if not tokens or tokens[0] in _OPERATORS:
        return True, [_UNREAD]
    if tokens[0] == "(":
        value, rest = _either(tokens[1:], features)
        return (value, rest[1:]) if rest[:1] == [")"] else (True, [_UNREAD])
    return tokens[0] in features, tokens[1:]
