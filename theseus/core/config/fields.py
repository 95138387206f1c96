"""Fields of the config: how each kind of value is read, and what is said when it is none.

Each parser takes whatever stands in the YAML and gives the value or what was expected.
"""

import re
from collections.abc import Callable
from typing import Annotated, TypeAlias

from returns.result import Failure, Result, Success

from theseus.core.config.decode import Parsed, can_be_sent, expected, plain, plain_text, show_value
from theseus.core.config.secrets import (
    EnvironmentSecret,
    Referenced,
    SecretReference,
    parse_reference,
)
from theseus.core.text.quantity import MEMORY_FORM, TIME_FORM, duration, memory

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# bash(1), "Shell Variables": it gives these values of its own, or refuses another
_HELD = frozenset(
    {
        *("BASHOPTS", "BASHPID", "BASH_ALIASES", "BASH_ARGC", "BASH_ARGV", "BASH_ARGV0"),
        *("BASH_CMDS", "BASH_COMMAND", "BASH_LINENO", "BASH_REMATCH", "BASH_SOURCE"),
        *("BASH_SUBSHELL", "BASH_VERSINFO", "COMP_WORDBREAKS", "DIRSTACK", "EPOCHREALTIME"),
        *("EPOCHSECONDS", "EUID", "FUNCNAME", "GROUPS", "HISTCMD", "LINENO", "OPTIND"),
        *("PIPESTATUS", "PPID", "RANDOM", "SECONDS", "SHELLOPTS", "SHLVL", "SRANDOM", "UID", "_"),
    }
)
_OPEN = frozenset({"THESEUS_GRACE"})
# what keeps a run on the GPUs that it was given, and off those of others
_PINNING = frozenset({f"{maker}_VISIBLE_DEVICES" for maker in ("CUDA", "HIP", "ROCR")})
# PEP 735: names as those of distributions
_GROUP = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)


def variable_problem(name: str) -> str | None:
    """What is wrong with *name* as a variable of the job; None when it is fine."""
    if not _VARIABLE.fullmatch(name):
        return "expected the name of an environment variable"
    if name in _HELD:
        return "bash keeps this variable for itself"
    if name.upper().startswith("THESEUS_") and name not in _OPEN:
        return "names beginning with THESEUS_ are theseus's own"
    if name in _PINNING:
        return "it says which GPUs the run was given, as --n_chips and --chip ask for them"
    return None


def group_problem(name: str) -> str | None:
    """What is wrong with *name* as a dependency group; None when it is fine."""
    if _GROUP.fullmatch(name):
        return None
    return "expected the name of a dependency group: letters, digits and inner '.', '_', '-'"


def has_control(text: str) -> bool:
    """Whether *text* holds a control character."""
    return _CONTROL.search(text) is not None


def _path(value: object) -> Result[str, str]:
    text = plain_text(value)
    if text is None or not (text.startswith(("/", "~/")) or text == "~"):
        return Failure(expected("an absolute path or one beginning with ~/", value))
    if has_control(text) or not can_be_sent(text):
        return Failure("expected a path without control characters")
    return Success(text.rstrip("/") or "/")


def _memory(value: object) -> Result[int, str]:
    return _quantity(value, MEMORY_FORM, memory)


def _minutes(value: object) -> Result[int, str]:
    return _quantity(value, TIME_FORM, duration)


def _quantity(
    value: object, form: str, parse: Callable[[str], Result[int, str]]
) -> Result[int, str]:
    text = _number_or_text(value)
    return (
        Failure(expected(form, value))
        if text is None
        else parse(text).alt(
            lambda said: expected(form, value) if isinstance(value, Referenced) else said
        )
    )


def _number_or_text(value: object) -> str | None:
    found = plain(value)
    return str(found) if type(found) is int or isinstance(found, str) else None


def _positive(value: object) -> Result[int, str]:
    number = plain(value)
    if type(number) is int and number > 0:
        return Success(number)
    return Failure(expected("a whole number above 0", value))


def _limit(value: object) -> Result[int, str]:
    number = plain(value)
    if type(number) is int and number >= 0:
        return Success(number)
    return Failure(expected("a whole number, 0 or more", value))


def _group(value: object) -> Result[str, str]:
    text = plain_text(value)
    if text is None:
        return Failure(expected("text", value))
    problem = group_problem(text)
    return Success(text) if problem is None else Failure(problem)


def _secret(value: object) -> Result[SecretReference, str]:
    match value:
        case Referenced(parts=(only,)) if not isinstance(only, str):
            return Success(only)
        case str() if can_be_sent(value) and (reference := parse_reference(value)) is not None:
            if isinstance(reference, EnvironmentSecret) and not _VARIABLE.fullmatch(
                reference.variable
            ):
                return Failure("expected the name of an environment variable after env:")
            return Success(reference)
        case str() | Referenced():
            # the text may be the secret itself: it is not repeated
            return Failure("expected env:NAME, file:PATH or cmd:COMMAND")
        case _:
            return Failure(f"expected env:NAME, file:PATH or cmd:COMMAND, got {show_value(value)}")


def _assigned(value: object) -> Result[str | Referenced, str]:
    match value:
        case Referenced():
            return Success(value)
        case str() if can_be_sent(value):
            return Success(value)
        case _:
            return Failure(expected("text (numbers and true/false in quotes)", value))


RemotePath: TypeAlias = Annotated[str, Parsed(_path)]
Memory: TypeAlias = Annotated[int, Parsed(_memory)]
Minutes: TypeAlias = Annotated[int, Parsed(_minutes)]
Positive: TypeAlias = Annotated[int, Parsed(_positive)]
Limit: TypeAlias = Annotated[int, Parsed(_limit)]
Assigned: TypeAlias = Annotated[str | Referenced, Parsed(_assigned)]
SecretSource: TypeAlias = Annotated[SecretReference, Parsed(_secret)]
UvGroup: TypeAlias = Annotated[str, Parsed(_group)]
