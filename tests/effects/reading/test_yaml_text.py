"""YAML to plain data: no surprises of YAML 1.1, no key twice, and the way back to a place."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from theseus.effects.reading.yaml_text import DispatchLoader, JobLoader, locate, parse

SCALARS = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii"))


def value(text: str, loader: type[DispatchLoader] = DispatchLoader) -> object:
    """The value that *text* stands for."""
    return parse(f"a: {text}", loader).unwrap()["a"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("12:30:00", "12:30:00"),
        ("1:30", "1:30"),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("-1_000", -1000),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        ("1.5", 1.5),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("1.", 1.0),
        ("1.2.3", "1.2.3"),
        ("2026-11-24", "2026-11-24"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ('"010"', "010"),
        ("=", "="),
        ("0b11", "0b11"),
        ("1-06:00:00", "1-06:00:00"),
        ("64G", "64G"),
        ("+", "+"),
        ("-", [None]),
    ],
)
def test_scalars(text: str, meant: object) -> None:
    """Numbers, times and versions are what a person takes them for, in both kinds of config."""
    for loader in (DispatchLoader, JobLoader):
        read = value(f"\n  {text}" if text == "-" else text, loader)
        assert (read, type(read)) == (meant, type(meant))


def test_not_a_number() -> None:
    """`.nan` is a number that equals nothing."""
    read = value(".nan")
    assert isinstance(read, float)
    assert math.isnan(read)


@pytest.mark.parametrize("word", ["yes", "No", "ON", "off"])
def test_yes_and_no(word: str) -> None:
    """They are text in a dispatch config, and true or false in a job config, as for OmegaConf."""
    assert value(word) == word
    assert value(word, JobLoader) == (word.lower() in {"yes", "on"})


def test_merge_keys() -> None:
    """`<<` takes over what another mapping holds; what stands beside it wins."""
    text = "base: &base {a: 1, b: 2}\nmore: {<<: *base, b: 3}\n"
    assert parse(text, DispatchLoader).unwrap()["more"] == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", (3, 1), "the key 'a' stands twice"),
        ("x:\n  - {a: 1, a: 2}\n", (2, 12), "the key 'a' stands twice"),
        ("a: [1\n b: 2\n", (2, 3), "while parsing a flow"),
        ("a: 'x\n", (2, 1), "while scanning a quoted scalar"),
        ("\ta: 1\n", (1, 1), "cannot start any token"),
        ("a: *b\n", (1, 4), "undefined alias"),
        ("a: !thing x\n", (1, 4), "!thing"),
        ("a: 1\n---\nb: 1\n", (2, 1), "single document"),
        ("[a]: 1\n", (1, 1), "unhashable"),
    ],
)
def test_refused(text: str, place: tuple[int, int], said: str) -> None:
    """What is no YAML is said with its place."""
    problem = parse(text, DispatchLoader).failure()
    assert said in problem.message
    assert (problem.line, problem.column) == place


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: \x07", "no YAML: unacceptable character #x0007"),
        ("a: \udcff", "no UTF-8"),
        ("a: " + "[" * 5000, "nesting depth"),
    ],
    ids=["control", "surrogate", "deep"],
)
def test_refused_without_a_place(text: str, said: str) -> None:
    """What the parser cannot place is said all the same."""
    assert said in parse(text, DispatchLoader).failure().message


def test_int_with_sign_of_another_base() -> None:
    """A sign before 0x makes no number: it is text, as in YAML 1.2."""
    assert value("-0x1F") == "-0x1F"


def test_places() -> None:
    """Each key path leads to its key, or to the nearest thing that is there."""
    text = "hosts:\n  box:\n    chips: {h100: 8}\n    list:\n    - a\n    - b: c\n"
    paths = [
        ("hosts",),
        ("hosts", "box", "chips", "h100"),
        ("hosts", "box", "list", 1),
        ("hosts", "box", "list", 1, "b"),
        ("hosts", "box", "absent"),
        ("hosts", "box", "list", 9),
        (),
        ("hosts", "box", "chips", "h100", "deeper"),
    ]
    assert locate(text, paths) == [
        (1, 1),
        (3, 13),
        (6, 7),
        (6, 7),
        (2, 3),
        (4, 5),
        (1, 1),
        (3, 13),
    ]
    assert locate("# nothing\n", [("a",)]) == [(1, 1)]


@given(st.text())
def test_any_text(text: str) -> None:
    """Any text is read or refused, and nothing is raised."""
    for loader in (DispatchLoader, JobLoader):
        read = parse(text, loader)
        assert is_successful(read) or read.failure().message


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.integers(-(10**9), 10**9)))
def test_whole_numbers_survive(numbers: dict[str, int]) -> None:
    """Whole numbers are read as they are written."""
    text = "".join(f"{key}: {number}\n" for key, number in numbers.items())
    assert parse(text or "{}", DispatchLoader).unwrap() == numbers


def test_merges_of_one_key() -> None:
    """What comes through `<<` stands no second time, from several mappings and used again."""
    text = (
        "a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\n"
        "c: {<<: [*b, *a], y: 3}\nd: {<<: *b, x: 4}\ne: *b\n"
    )
    read = parse(text, DispatchLoader).unwrap()
    assert (read["b"], read["c"], read["d"]) == (
        {"x": 2, "y": 1},
        {"x": 2, "y": 3},
        {"x": 4, "y": 1},
    )
    assert read["e"] == read["b"]
    text = "one: &o {key: 1, more: 1}\ntwo: &t {key: 2}\nboth: {<<: [*o, *t]}\n"
    assert parse(text, DispatchLoader).unwrap()["both"] == {"key": 1, "more": 1}
    refused = parse("a: {<<: 7}", DispatchLoader).failure()
    assert refused.message == "<< takes a mapping or a list of mappings"


@pytest.mark.parametrize("text", ["x: &x [*x]", "x: &x {y: *x}", "x: &x {<<: *x}", "&x [[*x]]"])
def test_circles(text: str) -> None:
    """An alias inside what it stands for is refused, with its place."""
    problem = parse(text, JobLoader).failure()
    assert problem.message == "an alias stands inside what it stands for"
    assert problem.line == 1


def test_aliases_of_aliases() -> None:
    """A few lines that stand for thousands of millions of values are refused."""
    levels = [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 9)]
    text = "\n".join(["a0: &a0 [1, 2, 3]", *levels])
    assert "more than 1000000 values" in parse(text, JobLoader).failure().message
    assert is_successful(parse("\n".join(text.splitlines()[:5]), JobLoader))


def test_long_chain_of_aliases() -> None:
    """Nesting that only aliases make is bounded too."""
    text = "\n".join(["a0: &a0 [1]", *(f"a{at}: &a{at} [*a{at - 1}]" for at in range(1, 1300))])
    assert parse(text, JobLoader).failure().message == "this is nested more than 100 levels deep"
