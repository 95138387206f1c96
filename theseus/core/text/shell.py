"""Quoting: the one place where text becomes shell words.

Every string survives real bash byte for byte (NUL cannot exist in a shell word and is refused
where names and values come in). The only importer of `shlex`.
"""

import shlex
from collections.abc import Iterable, Mapping

from returns.result import Failure, Result, Success


def word(text: str) -> str:
    """*text* as one shell word.

    >>> word("two words")
    "'two words'"
    """
    return shlex.quote(text)


def path_word(path: str) -> str:
    """*path* as one shell word; a leading `~/` is left to the remote shell, which knows the home.

    >>> path_word("~/a b")
    "~/'a b'"
    """
    if path == "~":
        return "~"
    if path.startswith("~/"):
        rest = path[2:]
        return f"~/{word(rest)}" if rest else "~/"
    return word(path)


def option_word(text: str) -> str:
    """*text* as one shell word; `~/` at its beginning, or after the `=` of an option, is the home.

    >>> option_word("--output=~/log")
    '--output="$HOME"/log'
    """
    option, equals, path = text.partition("=")
    if text.startswith("--") and equals and path.startswith("~/"):
        # bash expands a tilde at the beginning of a word only
        return f'{word(option)}="$HOME"/{word(path[2:])}'
    return path_word(text)


def command_line(argv: Iterable[str]) -> str:
    """*argv* as one line a shell reads back to the same words."""
    return " ".join(word(argument) for argument in argv)


def read_words(line: str) -> Result[tuple[str, ...], str]:
    """The words of *line* as a shell reads them, without what follows a `#`; or what is wrong.

    >>> read_words("lr=1e-3 'name=two words'  # small").unwrap()
    ('lr=1e-3', 'name=two words')
    """
    try:
        return Success(tuple(shlex.split(line, comments=True)))
    except ValueError as error:
        return Failure(str(error).lower())


def read_environment(text: str) -> dict[str, str]:
    """The variables in the *text* of an `environment_file`; `~/` at the beginning of one stays.

    >>> read_environment(environment_file({"A": "two words"}, {"B": "~/it's"}))
    {'A': 'two words', 'B': "~/it's"}
    """
    return {name: value for name, _, value in (line.partition("=") for line in shlex.split(text))}


def environment_file(variables: Mapping[str, str], paths: Mapping[str, str]) -> str:
    """Sorted `NAME='value'` lines to be sourced; a value of *paths* may begin with `~/`."""
    lines = {name: f"{name}={word(value)}" for name, value in variables.items()}
    lines |= {name: f"{name}={path_word(path)}" for name, path in paths.items()}
    return "".join(f"{lines[name]}\n" for name in sorted(lines))


def array_file(name: str, words: Iterable[str]) -> str:
    """A bash array *name* of ready-made shell *words*, one a line."""
    body = "".join(f"  {each}\n" for each in words)
    return f"{name}=(\n{body})\n"
