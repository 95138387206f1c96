"""Fields of the config that are read with care: secrets, times, sizes."""

from typing import Any

import pytest
from hypothesis import given
from returns.pipeline import is_successful

from tests.strategies import any_values
from theseus.core.config import config, fields
from theseus.core.config.decode import decode
from theseus.core.config.secrets import (
    CommandSecret,
    EnvironmentSecret,
    FileSecret,
    Referenced,
    SecretReference,
)


def cluster(**keys: Any) -> config.ClusterConfig:
    """A cluster with these keys besides."""
    return decode(config.ClusterConfig, {"root": "/r", "work": "/w", **keys}).unwrap()


def refused(**keys: Any) -> str:
    """Why a cluster with these keys is refused."""
    decoded = decode(config.ClusterConfig, {"root": "/r", "work": "/w", **keys})
    (problem,) = decoded.failure()
    return problem.message


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("env:TOKEN", EnvironmentSecret("TOKEN")),
        ("file:~/.token", FileSecret("~/.token")),
        ("cmd:pass a:b", CommandSecret("pass a:b")),
        (Referenced("s3cret", (EnvironmentSecret("T"),)), EnvironmentSecret("T")),
    ],
)
def test_secret(text: Any, reference: SecretReference) -> None:
    """A secret is a reference: to a variable, a file or a command."""
    assert cluster(secrets={"TOKEN": text}).secrets["TOKEN"] == reference


@pytest.mark.parametrize(
    "text",
    [
        *("s3cret", "env:", "vault:s3cret", "cmd:s3cret\0"),
        Referenced("a s3cret", ("a ", EnvironmentSecret("T"))),
        Referenced("s3cret", ("s3cret",)),
    ],
)
def test_no_secret(text: Any) -> None:
    """What is no reference is refused, and not repeated: it may be the secret itself."""
    message = refused(secrets={"TOKEN": text})
    assert message.startswith("expected env:NAME, file:PATH or cmd:COMMAND")
    assert "s3cret" not in message


def test_secret_of_no_variable() -> None:
    """What follows `env:` is the name of a variable."""
    assert refused(secrets={"A": "env:A B"}) == (
        "expected the name of an environment variable after env:"
    )


def test_environment() -> None:
    """A variable holds text; numbers and true/false must be quoted, for YAML has many spellings."""
    referenced = Referenced("x", (EnvironmentSecret("X"),))
    assert cluster(env={"A": "1", "B": referenced}).env == {"A": "1", "B": referenced}
    for value in (1, True, None, "a\0"):
        assert "expected text" in refused(env={"A": value})


def test_paths_lose_their_last_slash() -> None:
    """A path is absolute or begins with `~/`; a slash at its end says nothing."""
    found = decode(config.ClusterConfig, {"root": "/", "work": "~/"}).unwrap()
    assert (found.root, found.work) == ("/", "~")
    assert cluster(data="/a//").data == "/a"
    assert "without control characters" in refused(data="/a\nb")
    assert "absolute path" in refused(data="~other/x")


@given(any_values())
def test_anything(value: Any) -> None:
    """Whatever stands there, a parser answers: nothing is raised."""
    annotations: tuple[Any, ...] = (
        *(fields.RemotePath, fields.Memory, fields.Minutes, fields.Positive, fields.Limit),
        *(fields.Assigned, fields.SecretSource, fields.UvGroup),
    )
    for annotation in annotations:
        parsed = annotation.__metadata__[0].parse(value)
        assert is_successful(parsed) or parsed.failure()
