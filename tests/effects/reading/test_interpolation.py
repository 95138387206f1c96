"""Interpolation: OmegaConf's rules, with what comes from the environment kept as a reference."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from theseus.core.config.secrets import EnvironmentSecret, Referenced
from theseus.effects.reading.interpolation import holds_interpolation, resolve


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that the tests refer to."""
    monkeypatch.setenv("TOKEN", "s3cret")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("BRACES", "${root} ${oc.env:TOKEN}")
    monkeypatch.delenv("UNSET", raising=False)


def resolved(text: Any, **more: Any) -> Any:
    """What *text* becomes in a config that holds *more*."""
    return resolve({"at": text, **more}).unwrap()["at"]


def test_references_within_the_config() -> None:
    """`${key}` is the value of the key, with its type; inside of a text it is text."""
    assert resolved("${n}", n=3) == 3
    assert resolved("x${n}", n=3) == "x3"
    assert resolved("${a.b.0}", a={"b": ["first"]}) == "first"
    assert resolved("${list}", list=[1, {"k": "v"}]) == [1, {"k": "v"}]


def test_environment() -> None:
    """What came from the environment is a reference, whose value shows in no repr."""
    token = EnvironmentSecret("TOKEN")
    assert resolved("${oc.env:TOKEN}") == Referenced("s3cret", (token,))
    joined = resolved("a ${oc.env:TOKEN}/${n}/${oc.env:TOKEN}", n=1)
    assert joined == Referenced("a s3cret/1/s3cret", ("a ", token, "/1/", token))
    assert "s3cret" not in repr(joined)


def test_environment_through_another_key() -> None:
    """A key that refers to one from the environment is a reference too."""
    assert resolved("${other}!", other="${oc.env:TOKEN}") == Referenced(
        "s3cret!", (EnvironmentSecret("TOKEN"), "!")
    )


def test_values_are_not_resolved_again() -> None:
    """What a variable holds is taken as it is, braces and all."""
    assert resolved("${oc.env:BRACES}").text == "${root} ${oc.env:TOKEN}"
    assert resolved("${oc.env:EMPTY}") == Referenced("", (EnvironmentSecret("EMPTY"),))


def test_defaults() -> None:
    """A default stands in for a variable that is not set, and is no secret."""
    assert resolved("${oc.env:UNSET,fallback}") == "fallback"
    assert resolved("${oc.env:UNSET,null}") is None
    assert resolved("${oc.env:TOKEN,fallback}").text == "s3cret"
    assert resolved("${oc.env:UNSET,${oc.env:TOKEN}}") == Referenced(
        "s3cret", (EnvironmentSecret("TOKEN"),)
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${oc.env:UNSET}", "the environment variable UNSET is not set"),
        ("${nowhere}", "'nowhere' not found"),
        ("${oc.env:TOKEN", "not well formed"),
        ("${unknown:x}", "Unsupported interpolation type unknown"),
        ("${at}", "ecursive"),
        ("${oc.env:}", ""),
        ("${${oc.env:TOKEN}}", "'${oc.env:TOKEN}' not found"),
    ],
)
def test_refused(text: str, said: str) -> None:
    """What cannot be resolved is said with the key, and how `${` itself is written."""
    problem = resolve({"deep": {"list": [1, text]}, "at": "${at}" if "at" in text else 1}).failure()
    assert said in problem.message
    assert problem.message.endswith("(a literal ${ is written \\${)")
    assert problem.path in {("deep", "list", 1), ("at",), ("deep", "list"), ("deep",)}
    assert "s3cret" not in problem.message
    assert "theseus.env" not in problem.message


def test_escaped() -> None:
    """An escaped `${` is itself."""
    assert resolved("\\${TOKEN}") == "${TOKEN}"
    assert resolved("\\${oc.env:TOKEN}") == "${oc.env:TOKEN}"
    backslash = Referenced("\\s3cret", ("\\", EnvironmentSecret("TOKEN")))
    assert resolved("\\\\${oc.env:TOKEN}") == backslash


@pytest.mark.parametrize(
    "spelling",
    [
        *("${ oc.env:TOKEN}", "${oc.env: TOKEN }", "${oc.env : TOKEN}", "${oc.env:'TOKEN'}"),
        *("${oc.env:${name}}", "${oc.env:UNSET,${oc.env:TOKEN}}", "${oc.select:other}"),
        "${oc.coerce:str,${oc.env:TOKEN}}",
    ],
)
def test_every_spelling(spelling: str) -> None:
    """However OmegaConf lets one write it, what comes from the environment is a reference."""
    found = resolved(spelling, name="TOKEN", other="${oc.env:TOKEN}")
    assert found == Referenced("s3cret", (EnvironmentSecret("TOKEN"),))


def test_within_what_resolvers_make() -> None:
    """A reference stays one inside of a mapping or list that a resolver makes."""
    token = Referenced("s3cret", (EnvironmentSecret("TOKEN"),))
    assert resolved("${oc.create:{a: ['${oc.env:TOKEN}']}}") == {"a": [token]}


@pytest.mark.parametrize("asked", ["${oc.decode:${oc.env:N}}", "${oc.coerce:int,${oc.env:N}}"])
def test_numbers(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number from the environment is asked for, and is a reference all the same."""
    monkeypatch.setenv("N", "5")
    number = resolved(asked)
    assert number == Referenced("5", (EnvironmentSecret("N"),), decoded=True)
    assert number.value == 5
    assert resolved(f"x{asked}") == Referenced("x5", ("x", EnvironmentSecret("N")))
    assert resolved("${oc.decode:${oc.env:UNSET,3}}") == 3
    monkeypatch.setenv("N", "[s3cret]")
    problem = resolve({"at": asked}).failure()
    assert "${oc.env:N} holds a list" in problem.message
    assert "s3cret" not in problem.message


def test_resolvers_are_as_before() -> None:
    """OmegaConf's resolvers, and a caller's own, are those that were there before."""
    OmegaConf.register_resolver("oc.env", lambda name: f"mine {name}", replace=True)
    OmegaConf.register_resolver("ours", lambda text: f"<{text}>")
    try:
        assert resolved("${oc.env:TOKEN}").text == "s3cret"
        assert resolved("${ours:${oc.env:TOKEN}}").text == "<s3cret>"
        resolve({"a": "${nowhere}"})
        again = OmegaConf.create({"a": "${oc.env:TOKEN}", "b": "${oc.decode:'5'}"})
        assert OmegaConf.to_container(again, resolve=True) == {"a": "mine TOKEN", "b": 5}
    finally:
        OmegaConf.clear_resolvers()


def test_other_threads() -> None:
    """A config that another thread resolves meanwhile is none of theseus's business."""

    def elsewhere() -> object:
        with ThreadPoolExecutor() as pool:
            config = OmegaConf.create({"a": "${oc.env:TOKEN}"})
            return pool.submit(lambda: config.a).result()

    OmegaConf.register_resolver("elsewhere", elsewhere)
    try:
        assert resolved("${elsewhere:}") == "s3cret"
    finally:
        OmegaConf.clear_resolver("elsewhere")


@pytest.mark.parametrize(("text", "holds"), [("${a}", True), ("$a {b} $", False), ("\\${a}", True)])
def test_holds_interpolation(text: str, *, holds: bool) -> None:
    """OmegaConf is needed for a text with `${` alone."""
    assert holds_interpolation(text) is holds


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_plain_data_stays(data: object) -> None:
    """Data without `${` comes back as it is."""
    if not holds_interpolation(repr(data)) and "\\" not in repr(data):
        assert resolve({"a": data}).unwrap() == {"a": data}
