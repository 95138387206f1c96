"""JuiceFS in the config: how the keys about a cluster's mount are read.

Each parser takes whatever stands in the YAML and gives the value or what was expected. A password
is not kept: what is kept is where it stands.
"""

import re
from collections.abc import Iterator
from typing import Annotated, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.config.decode import Parsed, can_be_sent, expected, plain_text
from theseus.core.config.fields import has_control
from theseus.core.config.secrets import ConfigSecret, EnvironmentSecret, JoinedSecret, Referenced
from theseus.core.text.quantity import memory
from theseus.core.values import frozen

# the password stands in the config itself; `mount.refer_to_passwords` says in which
IN_CONFIG = ConfigSecret("", "")
_NO_URL = "expected a redis:// URL"
_HOLE = "\0"  # stands for a part from the environment while a URL is taken apart: none can hold it
_SQUASH = re.compile(r"[0-9]{1,10}:[0-9]{1,10}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BARE = re.compile(r"[0-9]+", re.ASCII)

PasswordReference: TypeAlias = ConfigSecret | EnvironmentSecret | JoinedSecret


@frozen
class Mount:
    """A JuiceFS metadata URL without its password, and where the password is, if it has one."""

    url: str
    password: PasswordReference | None = None


def password_in(text: str) -> str | None:
    """The password in the URL *text*, decoded; None when there is none.

    >>> password_in("redis://:a%40b@meta:6379/1")
    'a@b'
    """
    try:
        password = urlsplit(text).password
    except ValueError:  # a bracket that is not closed
        return None
    return unquote(password) if password else None


def _mount(value: object) -> Result[Mount, str]:
    # the text may hold a password: it is not repeated
    match value:
        case str() if not has_control(value) and can_be_sent(value):
            return _taken_apart(value, ())
        case Referenced(text, (only,)) if not isinstance(only, str):
            return Failure(_NO_URL) if has_control(text) else _taken_apart(text, ())
        case Referenced(_, parts):
            written = (part for part in parts if isinstance(part, str))
            variables = tuple(part for part in parts if not isinstance(part, str))
            if any(map(has_control, written)):
                return Failure(_NO_URL)
            template = "".join(part if isinstance(part, str) else _HOLE for part in parts)
            return _taken_apart(template, variables)
        case _:
            return Failure(_NO_URL)


def _taken_apart(template: str, variables: tuple[EnvironmentSecret, ...]) -> Result[Mount, str]:
    try:
        parts = urlsplit(template)
    except ValueError:  # a bracket that is not closed
        return Failure(_NO_URL)
    # an empty host, as unix:// has it, would not survive being put together again
    url = _without_password(parts) if "@" in parts.netloc else template
    if parts.scheme not in {"redis", "rediss", "unix"}:
        return Failure(_NO_URL)
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":  # the end of a password, most likely
        return Failure(f"{_NO_URL}, '/', '?' and '#' in its password written %2F, %3F and %23")
    if _HOLE in url:
        return Failure(f"{_NO_URL}, ${{oc.env:…}} standing for all of it or its password alone")
    if not variables:
        return Success(Mount(url, IN_CONFIG if parts.password else None))
    return Success(Mount(url, _from_environment(parts.password or "", variables)))


def _without_password(parts: SplitResult) -> str:
    user, host = parts.username or "", parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host))


def _from_environment(
    template: str, variables: tuple[EnvironmentSecret, ...]
) -> EnvironmentSecret | JoinedSecret:
    if template == _HOLE:
        return variables[0]
    return JoinedSecret(tuple(_filled(template.split(_HOLE), variables)))


def _filled(
    written: list[str], variables: tuple[EnvironmentSecret, ...]
) -> Iterator[str | EnvironmentSecret]:
    """What is *written* is encoded as URLs are; what a variable holds is the password as it is."""
    for at, text in enumerate(written):
        if text:
            yield unquote(text)
        if at < len(variables):
            yield variables[at]


def _mebibytes(value: object) -> Result[int, str]:
    text = str(value) if type(value) is int else plain_text(value)
    if text is None:
        return Failure(expected("a size such as 100G", value))
    if _BARE.fullmatch(text):  # as juicefs itself has it; 0 is no cache
        return Success(int(text))
    size = memory(text)
    if not is_successful(size):
        return Failure(expected("a size such as 100G", value))
    return Success(-(-size.unwrap() // 2**20))


def _squash(value: object) -> Result[str, str]:
    text = plain_text(value)
    if text is None or not _SQUASH.fullmatch(text):
        return Failure(expected("a user and a group by number, such as 1000:1000", value))
    return Success(text)


def _download(value: object) -> Result[str, str]:
    text = plain_text(value)
    if text is None or has_control(text) or not text.startswith(("https://", "http://")):
        return Failure(expected("the https:// URL of a release", value))
    return Success(text)


def _sha256(value: object) -> Result[str, str]:
    text = plain_text(value)
    if text is None or not _SHA256.fullmatch(text.lower()):
        return Failure(expected("the 64 hexadecimal digits of its sha256", value))
    return Success(text.lower())


MountUrl: TypeAlias = Annotated[Mount, Parsed(_mount)]
CacheSize: TypeAlias = Annotated[int, Parsed(_mebibytes)]
Squash: TypeAlias = Annotated[str, Parsed(_squash)]
Download: TypeAlias = Annotated[str, Parsed(_download)]
Sha256: TypeAlias = Annotated[str, Parsed(_sha256)]


@frozen
class PinnedJuicefs:
    """The one juicefs to use: an archive or a program at *url*, whose bytes have this *sha256*."""

    url: Download
    sha256: Sha256
