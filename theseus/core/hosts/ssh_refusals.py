"""Refusals of SSH connections: why no shell is to be had on a host, and what to do about it.

The same words whichever transport met the refusal. OpenSSH's are recognized here by what `ssh`
prints; no process is run and no file is read.
"""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

SSH_PORT: Final = 22
Words: TypeAlias = tuple[str, str]
"""A reason and an advice."""

AGENT: Final = "load the key with `ssh-add`: one with a passphrase is used through ssh-agent only"
_CLOSED: Final = re.compile(
    r"kex_exchange_identification|banner exchange|Not allowed at this time"
    r"|^Connection (?:closed|reset) by",
    re.MULTILINE,
)
_NAME: Final = re.compile(
    r"host key is known for (\S+) and you have|^Host key for (\S+) has", re.MULTILINE
)
_ENTRY: Final = re.compile(r"\[(.+)\]:(\d+)")


def untrusted(alias: str, name: str) -> Words:
    """The host key of *name* was never seen."""
    advice = (
        f"run `ssh {alias}` once, compare the fingerprint it shows with one from the "
        "host's administrators, and accept it"
    )
    return f"the host key of {name} is not known", advice


def changed(alias: str, name: str, port: int = SSH_PORT) -> Words:
    """*name* has another host key than the one that is known."""
    entry = name if port == SSH_PORT else f"[{name}]:{port}"
    advice = (
        "ask its administrators first; only when they confirm the new key, "
        f"run `ssh-keygen -R '{entry}'` and then `ssh {alias}` once"
    )
    return f"the host key of {name} has changed: set up anew, or someone is in between", advice


def denied(alias: str, said: str) -> Words:
    """No key, ticket or answer was good enough; *said* are the words of the transport."""
    login = "where a password or a second factor is asked for, run `theseus login` for it first"
    return said, f"{AGENT}; {login}; then see what `ssh -v {alias}` says"


def unkept(place: str, reason: str) -> Words:
    """The socket that commands share a connection by cannot lie in *place*."""
    advice = "make that a directory you can write to, or set `transport: asyncssh` for the host"
    return f"no socket of ssh can be kept in {place}: {reason}", advice


def unresolved(alias: str, said: str) -> Words:
    """Nobody knows the host name."""
    return f"no such host name: {said}", f"check HostName with `ssh -G {alias}`"


def refused(alias: str) -> Words:
    """Nobody listens at the port."""
    return "connection refused", f"check Port with `ssh -G {alias}`; does sshd run there?"


def silent() -> Words:
    """Nobody answered."""
    return "no answer in time", "check the network or VPN, and that the host is up"


def bad_config(alias: str, said: str) -> Words:
    """The ssh config cannot be read or used."""
    return f"the ssh config cannot be used: {said}", f"correct it; see `ssh -G {alias}`"


def turned_away(alias: str, said: str) -> Words:
    """The connection was ended before anything was negotiated: sshd has too many at this moment."""
    advice = (
        f"wait a little: MaxStartups of its sshd may be reached; see what `ssh -v {alias}` says"
    )
    return f"it closed the connection at once: {said}", advice


def full(alias: str) -> Words:
    """The connection stands and admits no further session."""
    advice = f"end other sessions on it: `theseus login --exit` closes it for {alias}"
    return "it admits no more sessions on this connection (MaxSessions of its sshd)", advice


def unchecked_problem(alias: str, setting: str) -> str:
    """That the ssh config's *setting* switches off the check of a host key."""
    return f"`{setting}` for {alias}: host keys are always checked here"


def is_turned_away(said: str) -> bool:
    """Whether ssh, which *said* this, was sent away before authentication and may come again.

    >>> is_turned_away("kex_exchange_identification: read: Connection reset by peer")
    True
    """
    return bool(_CLOSED.search(said)) and "denied" not in said and "verification" not in said


def is_full(said: str) -> bool:
    """Whether a session was refused on a connection that stands, by what ssh *said*.

    >>> is_full("mux_client_request_session: session request failed: Session open refused by peer")
    True
    """
    return "session request failed" in said


def unknown_name(said: str) -> str | None:
    """The name, as known_hosts has it, for which ssh *said* that it knows no key of this kind.

    >>> unknown_name("No ED25519 host key is known for [a]:23 and you have requested strict …")
    '[a]:23'
    """
    found = _NAME.search(said)
    return found[1] if found else None


def explain_ssh(alias: str, said: str) -> Words:
    """What it means that `ssh` *said* this on standard error and ended."""
    for pattern, words in _MEANINGS:
        if found := re.search(pattern, said, re.MULTILINE):
            return words(alias, said, (found[1] if found.re.groups else found[0]).strip())
    if is_turned_away(said):
        return turned_away(alias, _last_line(said))
    return f"no connection: {_last_line(said)}", f"see what `ssh -v {alias}` says"


def _explain_changed(alias: str, said: str, _: str) -> Words:
    named = _NAME.search(said)
    entry = (named[2] or named[1]) if named else alias
    split = _ENTRY.fullmatch(entry)
    return changed(alias, split[1], int(split[2])) if split else changed(alias, entry)


def _explain_unknown(alias: str, said: str, _: str) -> Words:
    entry = unknown_name(said) or alias
    split = _ENTRY.fullmatch(entry)
    return untrusted(alias, split[1] if split else entry)


_MEANINGS: Final[tuple[tuple[str, Callable[[str, str, str], Words]], ...]] = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", _explain_changed),
    ("host key is known for|Host key verification failed", _explain_unknown),
    ("^.*Permission denied.*$", lambda alias, _, found: denied(alias, found)),
    ("Could not resolve hostname [^:]*: (.*)$", lambda alias, _, found: unresolved(alias, found)),
    ("Connection refused", lambda alias, _said, _found: refused(alias)),
    ("timed out", lambda _alias, _said, _found: silent()),
    (
        "^.*(?:Bad configuration option|Bad owner or permissions|line [0-9]+: ).*$",
        lambda alias, _, found: bad_config(alias, found),
    ),
)


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "ssh said nothing"
