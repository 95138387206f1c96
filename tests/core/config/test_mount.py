"""What a plan tells bootstrap about a cluster's mount, and what may not lie below it."""

from typing import Any

import pytest

from theseus.core.config.config_checks import decode_config
from theseus.core.config.mount import (
    cluster_of,
    mount_places,
    mount_problems,
    mount_secrets,
    mount_texts,
    refer_to_passwords,
)
from theseus.core.config.secrets import ConfigSecret, EnvironmentSecret, Referenced, Secret

HOSTS = {"box": {"type": "plain", "cluster": "lab", "ssh": "box"}}
MOUNT = "redis://:pw@meta:6379/1"


def config(**keys: Any) -> Any:
    """A config, read from c.yaml, whose cluster has *keys*."""
    cluster = {"root": "/store", "work": "/scratch", **keys}
    decoded = decode_config({"clusters": {"lab": cluster}, "hosts": HOSTS})
    return decoded.map(lambda found: refer_to_passwords(found, "c.yaml"))


def settings(**keys: Any) -> Any:
    """The cluster of such a config."""
    return config(**keys).unwrap().clusters["lab"]


def test_no_mount() -> None:
    """Without `mount` bootstrap is told nothing, whatever the other keys say."""
    cluster = settings(cache_size="1G", cache_dir="/fast")
    assert (dict(mount_texts(cluster)), dict(mount_places(cluster))) == ({}, {})
    assert list(mount_secrets(cluster)) == []
    assert list(mount_problems(cluster)) == []


def test_all_keys() -> None:
    """Each key has a variable; the password is a reference to where it stands."""
    release = {"url": "https://example.org/juicefs.tar.gz", "sha256": "ab" * 32}
    cluster = settings(
        mount=MOUNT, cache_size="1G", cache_dir="~/fast", all_squash="1:2", juicefs=release
    )
    assert mount_texts(cluster) == {
        "THESEUS_MOUNT": "redis://meta:6379/1",
        "THESEUS_MOUNT_CACHE_SIZE": "1024",
        "THESEUS_MOUNT_SQUASH": "1:2",
        "THESEUS_JUICEFS_URL": "https://example.org/juicefs.tar.gz",
        "THESEUS_JUICEFS_SHA256": "ab" * 32,
    }
    assert mount_places(cluster) == {
        "THESEUS_MOUNT_POINT": "/store",
        "THESEUS_MOUNT_CACHE_DIR": "~/fast",
    }
    (secret,) = mount_secrets(cluster)
    reference = ConfigSecret("c.yaml", "clusters.lab.mount")
    assert secret == Secret("THESEUS_MOUNT_PASSWORD", reference)
    assert cluster_of(reference) == "lab"


def test_fewest_keys() -> None:
    """A mount without password and tuning is a URL and a place."""
    cluster = settings(mount="redis://meta/1")
    assert mount_texts(cluster) == {"THESEUS_MOUNT": "redis://meta/1"}
    assert mount_places(cluster) == {"THESEUS_MOUNT_POINT": "/store"}
    assert list(mount_secrets(cluster)) == []


def test_password_from_the_environment() -> None:
    """A password that comes from a variable is a reference to that variable."""
    reference = EnvironmentSecret("PW")
    cluster = settings(mount=Referenced(MOUNT, ("redis://:", reference, "@meta:6379/1")))
    assert list(mount_secrets(cluster)) == [Secret("THESEUS_MOUNT_PASSWORD", reference)]


@pytest.mark.parametrize(
    ("keys", "at"),
    [
        ({"work": "/store/scratch"}, ["work"]),
        ({"work": "/store/scratch", "share": "/share"}, ["work"]),
        ({"work": "/store/scratch", "share": "/share", "log": "/log"}, []),
        ({"share": "/store/share", "log": "/store/log"}, ["share", "log"]),
        ({"share": "/store2"}, []),
        ({"cache_dir": "/store/cache"}, ["cache_dir"]),
        ({"root": "/"}, ["root"]),
        ({"root": "~"}, ["root"]),
    ],
)
def test_below_the_mount(keys: dict[str, str], at: list[str]) -> None:
    """What is needed while nothing is mounted lies elsewhere, or the config is refused."""
    made = config(mount=MOUNT, **keys)
    found = [problem.path for problem in made.swap().value_or(())]
    assert found == [("clusters", "lab", key) for key in at]
