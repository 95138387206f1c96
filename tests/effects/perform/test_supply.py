"""Secrets are resolved at the last moment, and never show where they should not."""

import asyncio
from pathlib import Path

import pytest

from tests.effects.sites import supply
from theseus.core.config.secrets import (
    CommandSecret,
    ConfigSecret,
    EnvironmentSecret,
    FileSecret,
    JoinedSecret,
    SecretReference,
)
from theseus.core.plan.outcome import NothingToSend
from theseus.core.plan.shelf import Offer
from theseus.core.plan.steps import Packaged
from theseus.effects.perform.package import packaged_content, packaged_digest
from theseus.effects.perform.parcel import Parcel, SupplyError, bytes_parcel
from theseus.effects.perform.supply import PlanSupply


def secret(reference: SecretReference, given: PlanSupply | None = None) -> str:
    """The value of *reference*."""
    return asyncio.run((given or supply(environment={"ONE": "1"})).secret(reference))


def refused(reference: SecretReference, given: PlanSupply | None = None) -> NothingToSend:
    """Why there is no value of *reference*."""
    with pytest.raises(SupplyError) as raised:
        secret(reference, given)
    return raised.value.error


def test_environment() -> None:
    """A variable gives its value; one that is not set is named, with what to do."""
    assert secret(EnvironmentSecret("ONE")) == "1"
    error = refused(EnvironmentSecret("TWO"))
    assert error == NothingToSend("the secret env:TWO is not set here", "export TWO and try again")


def test_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file gives its content without the last newline, under the home too."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "token").write_bytes(b"two\nlines\xff\n\n")
    assert secret(FileSecret("~/token")) == "two\nlines\udcff\n"
    assert "file:~/missing cannot be read: No such file" in refused(FileSecret("~/missing")).what
    assert "cannot be read" in refused(FileSecret("~no-such-user/token")).what


def test_command() -> None:
    """A command gives what it prints; a failing one gives its status and not its output."""
    assert secret(CommandSecret("printf 'a\\nb\\n'")) == "a\nb"
    error = refused(CommandSecret("echo hidden; echo hidden >&2; exit 3"))
    assert "ended with status 3" in error.what
    assert "hidden" not in f"{error}".replace("echo hidden", "")


def test_config_and_joined() -> None:
    """A password inside a URL comes from the config, and a text is filled in where it refers."""
    assert secret(ConfigSecret("config.yaml", "clusters.a.mount")) == "password of clusters.a.mount"
    joined = JoinedSecret(("redis://", EnvironmentSecret("ONE"), "/1"))
    assert secret(joined) == "redis://1/1"


def test_nul() -> None:
    """A value that no variable can hold is refused, and not shown."""
    error = refused(CommandSecret("printf 'hid\\0den'"))
    assert "holds a NUL byte" in error.what


def test_values_do_not_show() -> None:
    """Neither the environment nor the document shows when a supply is printed."""
    assert "hidden" not in repr(supply(environment={"TOKEN": "hidden"}))


def test_shipped_files() -> None:
    """A shipped file is given only to the plan that was made with it."""
    given = supply()
    digest = packaged_digest("bootstrap.sh")
    content = packaged_content("bootstrap.sh")
    assert given.packaged(Packaged("bootstrap.sh", digest)) == content
    with pytest.raises(SupplyError, match="made by another version of theseus: its bootstrap"):
        given.packaged(Packaged("bootstrap.sh", "0" * 64))


def test_a_tree_in_the_form_that_is_offered() -> None:
    """A tree is asked for by its hash, and by what the far side takes."""
    asked: list[tuple[str, Offer]] = []

    async def parcel_of(tree: str, offer: Offer) -> Parcel:
        asked.append((tree, offer))
        return bytes_parcel(b"x", "zstd")

    given = PlanSupply(b"", parcel_of, lambda reference: reference.key)
    parcel = asyncio.run(given.parcel("abc", Offer(zstd=True, trees=("1", "2"))))
    assert (parcel.form, list(parcel.pieces), parcel.size, parcel.done()) == ("zstd", [b"x"], 1, 1)
    assert asked == [("abc", Offer(zstd=True, trees=("1", "2")))]
