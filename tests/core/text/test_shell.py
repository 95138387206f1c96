"""Every string survives real bash, byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.bash import at_home, exported, spoken, words_of
from tests.strategies import any_word, paths, variables
from theseus.core.config.fields import variable_problem
from theseus.core.text.shell import (
    array_file,
    command_line,
    environment_file,
    option_word,
    path_word,
    word,
)

_WORDS = st.lists(any_word, min_size=1, max_size=5)


@given(_WORDS)
def test_words(words: list[str]) -> None:
    """Bash reads the words of a command line back as they were."""
    assert spoken(f"printf '%s\\0' {command_line(words)}") == words


@given(_WORDS)
def test_array(words: list[str]) -> None:
    """Bash reads the elements of an array back as they were."""
    assert words_of(array_file("words", (word(each) for each in words))) == words


@given(st.dictionaries(variables, any_word, max_size=4), st.dictionaries(variables, paths()))
def test_environment(plain: dict[str, str], places: dict[str, str]) -> None:
    """A process gets every variable as it was; a leading `~/` of a path is the far side's home."""
    got = exported(environment_file(plain, places))
    expected = {**plain, **{name: at_home(path) for name, path in places.items()}}
    assert {name: got[name] for name in expected} == expected


@given(st.dictionaries(variables, any_word, min_size=2))
def test_environment_is_sorted(plain: dict[str, str]) -> None:
    """The lines are in the order of their names, however they were given."""
    assert environment_file(plain, {}) == environment_file(dict(reversed(plain.items())), {})


@pytest.mark.parametrize(
    ("path", "shown"),
    [("~", "~"), ("~/", "~/"), ("~/a b", "~/'a b'"), ("/a b", "'/a b'"), ("~a", "'~a'")],
)
def test_path_word(path: str, shown: str) -> None:
    """Only a leading `~/` is left to the shell."""
    assert path_word(path) == shown


@given(any_word)
def test_option(path: str) -> None:
    """The value of an option arrives as it was, its leading `~/` as the far side's home."""
    option = option_word(f"--output=~/{path}")
    assert spoken(f"printf '%s\\0' {option}") == [f"--output={at_home('~/' + path)}"]
    assert option_word(path) == path_word(path) or path.startswith("--")


def test_variables_of_bash() -> None:
    """A variable that bash sets itself is refused, or arrives like any other."""
    known = [line for line in spoken("compgen -v | tr '\\n' '\\0'") if line]
    documented = "BASH_ARGV0 BASH_ENV BASH_REMATCH COPROC DIRSTACK ENV FUNCNAME HISTCMD"
    more = "IFS LINES MAPFILE OPTARG PIPESTATUS POSIXLY_CORRECT PWD REPLY TMOUT TMPDIR"
    for name in {*known, *documented.split(), *more.split()}:
        if variable_problem(name) is None and name != "PATH":
            assert exported(environment_file({name: "x y"}, {}))[name] == "x y"
