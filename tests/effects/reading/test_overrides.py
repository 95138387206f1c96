"""Overrides: `key=value` on the command line over a job config."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from theseus.effects.reading.overrides import apply_overrides

CONFIG: dict[str, Any] = {"optim": {"lr": 0.1, "betas": [0.9, 0.99]}, "name": "x", "none": None}


def overridden(*words: str) -> dict[str, Any]:
    """The config with *words* applied; the config itself stays as it is."""
    before = repr(CONFIG)
    applied = apply_overrides(CONFIG, words).unwrap()
    assert repr(CONFIG) == before
    return applied


@pytest.mark.parametrize(
    ("word", "path", "value"),
    [
        ("optim.lr=1e-3", ("optim", "lr"), 0.001),
        ("optim.betas.1=0.5", ("optim", "betas"), [0.9, 0.5]),
        ("optim.betas=[1, 2]", ("optim", "betas"), [1, 2]),
        ("optim={lr: 2}", ("optim",), {"lr": 2}),
        ("name=a=b=c", ("name",), "a=b=c"),
        ("name=", ("name",), None),
        ("name=''", ("name",), ""),
        ("name=yes", ("name",), True),
        ("name=12:30:00", ("name",), "12:30:00"),
        ("name='it''s'", ("name",), "it's"),
        ("none=1", ("none",), 1),
        ("+new=1", ("new",), 1),
        ("+a.b.c=[x]", ("a", "b", "c"), ["x"]),
        ("+optim.eps=1", ("optim", "eps"), 1),
        ("+name=y", ("name",), "y"),
    ],
)
def test_applied(word: str, path: tuple[str, ...], value: object) -> None:
    """The value is YAML; a path must be there unless it is added."""
    found: Any = overridden(word)
    for key in path:
        found = found[key]
    assert found == value


def test_in_order() -> None:
    """A later one sees what an earlier one made."""
    assert overridden("+a={b: 1}", "a.b=2", "a.b=3")["a"] == {"b": 3}


def test_rest_stays() -> None:
    """What is not named stays, and keeps its place."""
    changed = overridden("optim.lr=3")
    assert list(changed) == list(CONFIG)
    assert changed["optim"]["betas"] == CONFIG["optim"]["betas"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("name", "expected key=value"),
        ("=1", "expected key=value"),
        ("a..b=1", "expected key=value"),
        ("+=1", "expected key=value"),
        ("a\nb=1", "expected key=value"),
        ("nmae=1", "did you mean 'name'?"),
        ("optim.lrr=1", "optim.lrr is no key of the job config; did you mean 'lr'?"),
        ("name.x=1", "name is a single value"),
        ("+name.x=1", "cannot be set inside a single value"),
        ("none.x=1", "none is a single value"),
        ("optim.betas.2=1", "optim.betas is a list of 2"),
        ("optim.betas.-1=1", "optim.betas is a list of 2"),
        ("+optim.betas.2=1", "past the end of a list"),
        ("name=[", "its value cannot be read"),
        ("name={a: 1, a: 2}", "the key 'a' stands twice"),
        ("name=\udcff", "no UTF-8"),
    ],
)
def test_refused(word: str, said: str) -> None:
    """What cannot be applied is said with the word, and how it would be."""
    (problem,) = apply_overrides(CONFIG, [word]).failure().problems
    assert said in problem.message
    assert problem.flag.isprintable()


def test_all_problems_at_once() -> None:
    """Each word that is wrong is said."""
    problems = apply_overrides(CONFIG, ["a", "name=1", "b=1", "name.x=2"]).failure().problems
    assert [problem.flag for problem in problems] == ["a", "b=1", "name.x=2"]


@given(st.text())
def test_any_text(word: str) -> None:
    """Any word is applied or refused, and nothing is raised."""
    applied = apply_overrides(CONFIG, [word])
    assert is_successful(applied) or applied.failure().problems


def test_below_nothing() -> None:
    """What is added below null makes a mapping of it; without + the key does not exist."""
    assert overridden("+none.a.b=5")["none"] == {"a": {"b": 5}}
    assert not is_successful(apply_overrides(CONFIG, ("none.a=5",)))
