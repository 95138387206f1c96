"""The usage line of each command says which words and flags it takes."""

from inspect import Parameter, signature

import pytest

from tests.cli.conftest import Inside
from tests.cli.desk import Desk
from theseus.cli import COMMANDS, EPILOGUE, USAGES, application


def word(parameter: Parameter) -> str:
    """How a positional *parameter* stands in the usage line."""
    name = parameter.name.upper()
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return f"[{name}...]"
    return name if parameter.default is Parameter.empty else f"[{name}]"


def words_of(command: str) -> list[str]:
    """What follows the name of *command*, by its signature."""
    function = application()[command].default_command
    assert function is not None
    taken = signature(function).parameters.values()
    words = [word(each) for each in taken if each.kind is not Parameter.KEYWORD_ONLY]
    flags = [each for each in taken if each.kind is Parameter.KEYWORD_ONLY]
    needed = [f"--{each.name} FILE" for each in flags if each.default is Parameter.empty]
    others = ["[OPTIONS]"] if len(flags) > len(needed) else []
    return [*needed, *others, *words]


@pytest.mark.parametrize("command", COMMANDS)
def test_usage(command: str, inside: Inside, desk: Desk) -> None:
    """It names every word by its own name, and options where there are some."""
    words = " ".join(words_of(command)).replace("[COMMAND...]", "[-- COMMAND...]")
    (first, *_) = inside(desk, command, "--help").out.splitlines()
    assert first == f"Usage: theseus {command} {words}"


def test_examples_are_whole() -> None:
    """No example is broken on a terminal of 80 columns: it can be copied as it stands."""
    assert all(len(line) <= 80 for line in EPILOGUE.splitlines())


def test_what_is_written_down() -> None:
    """A usage is written down for commands that there are, and only where it would be wrong."""
    assert USAGES.keys() <= COMMANDS.keys()
    assert all("[" in usage.replace("[OPTIONS]", "") for usage in USAGES.values())
