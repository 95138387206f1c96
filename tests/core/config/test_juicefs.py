"""Keys about a cluster's mount: URLs whose password is set apart, sizes, users, releases."""

from typing import Any

import pytest
from hypothesis import given
from returns.pipeline import is_successful

from tests.strategies import any_text, any_values
from theseus.core.config import juicefs
from theseus.core.config.config import ClusterConfig
from theseus.core.config.decode import decode
from theseus.core.config.juicefs import IN_CONFIG, Mount, PinnedJuicefs, password_in
from theseus.core.config.secrets import EnvironmentSecret, JoinedSecret, Referenced

PASSWORD = EnvironmentSecret("PW")


def cluster(**keys: Any) -> ClusterConfig:
    """A cluster with *keys*."""
    return decode(ClusterConfig, {"root": "/r", "work": "/w", **keys}).unwrap()


def refused(**keys: Any) -> str:
    """What is said of a cluster whose one key is wrong."""
    (problem,) = decode(ClusterConfig, {"root": "/r", "work": "/w", **keys}).failure()
    return problem.message


def from_environment(before: str, after: str) -> Referenced:
    """A URL whose middle came from the variable PW, whose value no URL could hold as it is."""
    return Referenced(f"{before}p/w%41@{after}", (before, PASSWORD, after))


@pytest.mark.parametrize(
    ("url", "mount"),
    [
        ("redis://meta:6379/1", Mount("redis://meta:6379/1")),
        ("redis://:@meta:6379/1", Mount("redis://meta:6379/1")),
        ("unix:///run/redis.sock?db=1", Mount("unix:///run/redis.sock?db=1")),
        ("redis://:p%40w@meta/1", Mount("redis://meta/1", IN_CONFIG)),
        ("rediss://me:pw@[::1]:6379/1", Mount("rediss://me@[::1]:6379/1", IN_CONFIG)),
        ("redis://:pw@main,a,b:26379/2", Mount("redis://main,a,b:26379/2", IN_CONFIG)),
        (Referenced("redis://:pw@m/1", (PASSWORD,)), Mount("redis://m/1", IN_CONFIG)),
        (from_environment("redis://:", "@m/1"), Mount("redis://m/1", PASSWORD)),
        (
            from_environment("redis://me:a%40", "b@m/1"),
            Mount("redis://me@m/1", JoinedSecret(("a@", PASSWORD, "b"))),
        ),
        (
            from_environment("redis://:", "b@m/1"),
            Mount("redis://m/1", JoinedSecret((PASSWORD, "b"))),
        ),
    ],
)
def test_mount(url: Any, mount: Mount) -> None:
    """Of a URL all but the password is kept, and where the password stands."""
    assert cluster(mount=url).mount == mount


@pytest.mark.parametrize(
    "url",
    [
        *("meta:6379", "http://:pw@meta", "redis://:pw@[", "redis://:pw@m\n", 6379),
        Referenced("redis://:pw@m\n", (PASSWORD,)),
        Referenced("redis://:pw@m\n", ("redis://:", PASSWORD, "@m\n")),
    ],
)
def test_no_mount(url: Any) -> None:
    """Anything else is refused, and not repeated: it may hold a password."""
    assert refused(mount=url).startswith("expected a redis:// URL")
    assert "pw" not in refused(mount=url)


def test_password_that_ends_a_url_early() -> None:
    """A password that would be taken for something else in part is refused, and how to write it."""
    assert "written %2F" in refused(mount="redis://:s3/cret@meta/1")


@pytest.mark.parametrize(("before", "after"), [("redis://", ":1/1"), ("redis://:pw@", "/1")])
def test_environment_elsewhere(before: str, after: str) -> None:
    """What comes from the environment is a whole URL or its password, nothing in between."""
    assert "its password alone" in refused(mount=from_environment(before, after))


@given(any_text)
def test_no_password_is_kept(text: str) -> None:
    """Whatever a mount is, no password in it stays in the config."""
    decoded = decode(ClusterConfig, {"root": "/r", "work": "/w", "mount": f"redis://:{text}@m/1"})
    if is_successful(decoded):
        assert decoded.unwrap().mount == Mount("redis://m/1", IN_CONFIG if text else None)


def test_password_in() -> None:
    """A password in a URL is encoded as URLs are; there may be none."""
    assert password_in("redis://me:a%2Fb@m/1") == "a/b"
    assert password_in("redis://me@m/1") is None
    assert password_in("redis://:@m/1") is None
    assert password_in("redis://:a@[/1") is None


@pytest.mark.parametrize(
    ("value", "mebibytes"),
    [("100G", 102400), (5, 5), ("7", 7), (0, 0), ("1K", 1), ("1.5T", 1572864), ("512MiB", 512)],
)
def test_cache_size(value: Any, mebibytes: int) -> None:
    """A cache size is what juicefs counts in: whole mebibytes, a bare number being such."""
    assert cluster(cache_size=value).cache_size == mebibytes


@pytest.mark.parametrize(
    ("key", "values", "said"),
    [
        ("cache_size", ["big", True, -1, "0G"], "a size such as 100G"),
        ("all_squash", ["me:us", "1000", "1:2:3", 1000], "1000:1000"),
    ],
)
def test_refused(key: str, values: list[Any], said: str) -> None:
    """What is no size, and no user and group, is refused with what one looks like."""
    for value in values:
        assert said in refused(**{key: value})


def test_pinned_juicefs() -> None:
    """A juicefs is pinned by where its release is, and what its bytes hash to."""
    release = {"url": "https://example.org/juicefs.tar.gz", "sha256": "AB" * 32}
    pinned = PinnedJuicefs("https://example.org/juicefs.tar.gz", "ab" * 32)
    assert cluster(juicefs=release).juicefs == pinned
    assert "https:// URL" in refused(juicefs={**release, "url": "latest"})
    assert "https:// URL" in refused(juicefs={**release, "url": 7})
    assert "64 hexadecimal" in refused(juicefs={**release, "sha256": "latest"})
    assert "64 hexadecimal" in refused(juicefs={**release, "sha256": 7})


@given(any_values())
def test_anything(value: Any) -> None:
    """Whatever stands there, a parser answers: nothing is raised."""
    annotations: tuple[Any, ...] = (
        *(juicefs.MountUrl, juicefs.CacheSize, juicefs.Squash, juicefs.Download, juicefs.Sha256),
    )
    for annotation in annotations:
        parsed = annotation.__metadata__[0].parse(value)
        assert is_successful(parsed) or parsed.failure()
