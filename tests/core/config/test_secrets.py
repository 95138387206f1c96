"""References to secrets: read, and named in words, without ever being resolved."""

import pytest

from theseus.core.config.secrets import (
    CommandSecret,
    ConfigSecret,
    EnvironmentSecret,
    FileSecret,
    JoinedSecret,
    Referenced,
    SecretReference,
    describe,
    parse_reference,
)


@pytest.mark.parametrize("text", ["env:A", "file:~/a b", "cmd:pass show a"])
def test_describe_is_what_was_written(text: str) -> None:
    """A reference is named in the form in which the config writes it."""
    reference = parse_reference(text)
    assert reference is not None
    assert describe(reference) == text


@pytest.mark.parametrize("text", ["", "env", "env:", "vault:a", ":a"])
def test_no_reference(text: str) -> None:
    """Anything else is none."""
    assert parse_reference(text) is None


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        (EnvironmentSecret("A"), "env:A"),
        (FileSecret("/a"), "file:/a"),
        (CommandSecret("a"), "cmd:a"),
        (ConfigSecret("~/c.yaml", "clusters.a.mount"), "clusters.a.mount in ~/c.yaml"),
        (JoinedSecret(("https://", EnvironmentSecret("T"), "@x")), "https://${oc.env:T}@x"),
    ],
)
def test_describe(reference: SecretReference, shown: str) -> None:
    """Every reference names its place."""
    assert describe(reference) == shown


def test_resolved_text_is_not_shown() -> None:
    """What came from the environment does not appear where values are printed."""
    assert "s3cret" not in repr(Referenced("s3cret", (EnvironmentSecret("T"),)))
