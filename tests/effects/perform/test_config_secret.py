"""The password of a mount: read from the config when a plan is performed, and never kept."""

from pathlib import Path

import pytest

from theseus.core.config.secrets import ConfigSecret, EnvironmentSecret
from theseus.effects.perform.config_secret import config_secret
from theseus.effects.perform.parcel import SupplyError
from theseus.effects.reading.load import load_config

CONFIG = """\
clusters:
  a.b: {root: /r, work: /w, mount: 'URL'}
hosts:
  box: {type: plain, cluster: a.b, ssh: box, setup: ['echo ${HOME}']}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to write a config to."""
    return tmp_path / "dispatch.yaml"


def referred(file: Path, url: str) -> ConfigSecret:
    """Where the password of a config with *url* stands."""
    file.write_text(CONFIG.replace("URL", url))
    config = load_config(str(file)).unwrap()
    mount = config.clusters["a.b"].mount
    assert mount is not None
    assert "canary" not in repr(config)
    assert isinstance(mount.password, ConfigSecret)
    return mount.password


def refused(reference: ConfigSecret) -> str:
    """Why there is no such password."""
    with pytest.raises(SupplyError) as raised:
        config_secret(reference)
    assert "canary" not in str(raised.value)
    return raised.value.error.what


def test_password(file: Path) -> None:
    """A password in the config is found again by its reference, decoded."""
    reference = referred(file, "redis://:canary%2F1@meta/1")
    assert reference == ConfigSecret(str(file), "clusters.a.b.mount")
    assert config_secret(reference) == "canary/1"


def test_relative_path(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference holds wherever the plan is performed, though the config was named from here."""
    referred(file, "redis://:canary@meta/1")
    monkeypatch.chdir(file.parent)
    mount = load_config(file.name).unwrap().clusters["a.b"].mount
    assert mount is not None
    monkeypatch.chdir("/")
    assert isinstance(mount.password, ConfigSecret)
    assert config_secret(mount.password) == "canary"


def test_whole_url_from_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that comes from a variable as a whole is asked for again."""
    monkeypatch.setenv("URL", "redis://:canary@meta/1")
    reference = referred(file, "${oc.env:VARIABLE}".replace("VARIABLE", "U" + "RL"))
    assert config_secret(reference) == "canary"
    monkeypatch.delenv("URL")
    assert "holds no password any more" in refused(reference)


def test_password_from_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that comes from a variable is that variable's, and no URL has to hold it."""
    monkeypatch.setenv("PW", "can/ary@%41")
    file.write_text(CONFIG.replace("URL", "redis://:${oc.env:PW}@meta/1"))
    mount = load_config(str(file)).unwrap().clusters["a.b"].mount
    assert mount is not None
    assert (mount.url, mount.password) == ("redis://meta/1", EnvironmentSecret("PW"))


def test_password_that_is_gone(file: Path) -> None:
    """A config that changed since the plan was made is named, and what to do."""
    reference = referred(file, "redis://:canary@meta/1")
    file.write_text(CONFIG.replace("URL", "redis://meta/1"))
    assert f"clusters.a.b.mount in {file} holds no password any more" in refused(reference)
    file.write_text("a: [canary")
    assert "is no YAML any more" in refused(reference)
    file.write_text("- canary")
    assert "holds no password any more" in refused(reference)
    file.unlink()
    assert "cannot be read" in refused(reference)
