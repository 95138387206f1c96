"""Sweeps: every combination of the values, each run with its own overrides."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.core.request.sweep import MOST, Axis, axis, listed_points, sweep_points

_VALUE = r"[a-z0-9.]{1,4}|\[[a-z],[a-z]\]|'[a-z,]{0,3}'|\{a: [0-9], b: 1\}"
_VALUES = st.lists(st.from_regex(_VALUE, fullmatch=True), min_size=1, max_size=4)
_AXES = st.dictionaries(st.sampled_from(["lr", "optim.lr", "+new", "seed"]), _VALUES, max_size=3)


@given(_AXES)
def test_every_combination(axes: dict[str, list[str]]) -> None:
    """The runs are the product of the axes, in order, and each names every key once."""
    points = sweep_points([f"{key}={','.join(values)}" for key, values in axes.items()]).unwrap()
    assert len(points) == prod(len(values) for values in axes.values())
    for point in points:
        assert [word.partition("=")[0] for word in point] == list(axes)
    firsts = tuple(f"{key}={values[0]}" for key, values in axes.items())
    assert points[0] == firsts


@given(st.text(max_size=20))
def test_any_word(word: str) -> None:
    """Any word either is an axis or is refused with a reason."""
    parsed = axis(word)
    match parsed.value_or(None):
        case Axis(key, values):
            assert key
            assert values
        case _:
            assert parsed.failure()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("range(3)", ("0", "1", "2")),
        ("range(2, 4)", ("2", "3")),
        ("range(6,0,-3)", ("6", "3")),
        ("a, b", ("a", "b")),
        ("[1,2],[3]", ("[1,2]", "[3]")),
        ("range(2),x", ("range(2)", "x")),
        ("'a,b'", ("'a,b'",)),
        ("),b", (")", "b")),
    ],
)
def test_values(text: str, values: tuple[str, ...]) -> None:
    """Values stand between commas outside brackets and quotes; a range is its numbers."""
    assert axis(f"k={text}").unwrap() == Axis("k", values)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["lr"], "expected KEY=VALUE,VALUE or KEY=range(8)"),
        (["=1"], "expected KEY=VALUE,VALUE or KEY=range(8)"),
        (["lr=1,,2"], "a value is empty; write '' for an empty text"),
        (["lr=range(0)"], "the range is empty"),
        (["lr=range(1,5,0)"], "a range needs a step other than 0"),
        (["lr=range(99999)"], "99,999 runs; a sweep has 10,000 at most"),
        (["lr=1", "lr=2"], "lr is swept twice"),
        (["a=range(200)", "b=range(200)"], "40,000 runs; a sweep has 10,000 at most"),
    ],
)
def test_refused(words: list[str], problem: str) -> None:
    """What cannot be swept is said, with the word it stands in."""
    (found,) = sweep_points(words).failure()
    assert found.message == problem
    assert found.flag.startswith("--sweep")


def test_nothing_to_sweep() -> None:
    """No axis makes one run, without overrides; the most runs are allowed."""
    assert sweep_points([]).unwrap() == ((),)
    assert len(sweep_points([f"a=range({MOST})"]).unwrap()) == MOST


def test_listed() -> None:
    """Each line that says something is a run, read as a shell reads it."""
    text = "seed=1 'name=two words'  # remark\n\n# none\nseed=2\n"
    assert listed_points("runs", text).unwrap() == (("seed=1", "name=two words"), ("seed=2",))


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("a=1\nb='2\n", "runs:2", "no closing quotation"),
        ("# none\n", "runs", "it lists no runs: write the overrides of one on each line"),
        ("a=1\n" * (MOST + 1), "runs", "10,001 runs; a sweep has 10,000 at most"),
    ],
)
def test_list_refused(text: str, where: str, problem: str) -> None:
    """What is wrong with a list of runs is said, with the line."""
    (found,) = listed_points("runs", text).failure()
    assert (found.flag, found.message) == (where, problem)
