"""Settings of OpenSSH for a host, as `ssh -G` prints them, and which transport they call for.

Values only: who runs `ssh -G` is no matter here. A need is named only where there is evidence of
it: GSSAPI, say, is switched on by whole distributions for people who have never had a ticket.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import field

from theseus.core.values import frozen

# what asyncssh too takes from the user's config; it never reads the system's
_PLACES: Final = (
    *("hostname", "port", "user", "proxycommand", "proxyjump", "hostkeyalias"),
    *("identityfile", "certificatefile", "identityagent"),
    *("userknownhostsfile", "globalknownhostsfile"),
)
# options that asyncssh does not have, and the value that leaves each off
_LACKING: Final = {
    "controlpath": "none",
    "knownhostscommand": "none",
    "revokedhostkeys": "none",
    "pkcs11provider": "none",
    "proxyusefdpass": "no",
    "verifyhostkeydns": "false",
    "bindinterface": "none",
}
_NAMES: Final = {
    "controlpath": "ControlPath",
    "knownhostscommand": "KnownHostsCommand",
    "revokedhostkeys": "RevokedHostKeys",
    "pkcs11provider": "PKCS11Provider",
    "proxyusefdpass": "ProxyUseFdpass",
    "verifyhostkeydns": "VerifyHostKeyDNS",
    "bindinterface": "BindInterface",
}
# of the keys that ssh tries where none is named, one as well as another may not be there
_USUAL_KEYS: Final = {f"~/.ssh/id_{kind}" for kind in ("rsa", "ecdsa", "ed25519")}
# what asyncssh takes as it stands, by the sign of it: a variable's name, an address of IPv6
_UNREAD: Final = (("identityagent", "IdentityAgent", "$"), ("proxyjump", "ProxyJump", "["))
_NOWHERE: Final = frozenset({("none",), ("/dev/null",)})
_UNCHECKED: Final = {"false": "no", "no": "no", "off": "off", "accept-new": "accept-new"}
_OFF: Final = frozenset({"no", "false", "0", "none", ""})


@frozen
class SshSettings:
    """Options in lower case, with every value each was given."""

    values: Mapping[str, tuple[str, ...]] = field(factory=dict)

    def all(self, option: str) -> tuple[str, ...]:
        """Every value of *option*."""
        return self.values.get(option, ())

    def one(self, option: str) -> str | None:
        """The value of *option*; None when it has none, or `none`."""
        value = next(iter(self.all(option)), "none")
        return None if value == "none" else value

    def on(self, option: str) -> bool:
        """Whether *option* is switched on."""
        return next(iter(self.all(option)), "no") not in _OFF

    def named_files(self, option: str) -> tuple[str, ...]:
        r"""The files that the config names by *option*, but those whose names only ssh can expand.

        >>> read_settings("identityfile ~/lab\nidentityfile %d/id").named_files("identityfile")
        ('~/lab',)
        """
        files = self.all(option)
        if _USUAL_KEYS.issubset(files):
            return ()
        return tuple(file for file in files if file != "none" and not {"%", "$"} & set(file))

    def jumps(self) -> tuple[str, ...]:
        """The host names of ProxyJump, without user and port."""
        hops = (self.one("proxyjump") or "").split(",")
        return tuple(_host(hop.removeprefix("ssh://").rpartition("@")[2]) for hop in hops if hop)


@frozen
class Evidence:
    """What else there is to know: a valid Kerberos *ticket*, security *keys* by their files.

    *unreadable* are the files that the config names and that hold no key, or no certificate.
    """

    ticket: bool = False
    keys: Sequence[str] = ()
    unreadable: Sequence[str] = ()


def _host(place: str) -> str:
    """The host of *place*, `HOST[:PORT]`; a literal address of IPv6 stands in brackets."""
    literal, bracket, _ = place.removeprefix("[").partition("]")
    return literal if bracket else place.partition(":")[0]


def read_settings(text: str) -> SshSettings:
    r"""The settings in what `ssh -G` printed.

    >>> read_settings("port 22\nidentityfile a\nidentityfile b\n").all("identityfile")
    ('a', 'b')
    """
    values: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        option, _, value = line.strip().partition(" ")
        values[option] = (*values.get(option, ()), value)
    return SshSettings(values)


def unchecked_setting(settings: SshSettings, *, jump: bool = False) -> str | None:
    """The setting that leaves the host's key unchecked; for a *jump* host, where ssh obeys it.

    >>> unchecked_setting(read_settings("stricthostkeychecking false"), jump=True)
    'StrictHostKeyChecking no'
    """
    if settings.all("userknownhostsfile") in _NOWHERE:
        return "UserKnownHostsFile none"
    strict = settings.one("stricthostkeychecking")
    if jump and strict in _UNCHECKED:
        return f"StrictHostKeyChecking {_UNCHECKED[strict]}"
    return None


def needs(settings: SshSettings, own: SshSettings, evidence: Evidence) -> tuple[str, ...]:
    """What a host needs that asyncssh lacks, in words; nothing, and asyncssh will do.

    *own* is what the user's config alone says, which is all that asyncssh reads.
    """
    return tuple(_needs(settings, own, evidence))


def _options(settings: SshSettings) -> Iterator[str]:
    for option, off in _LACKING.items():
        if (value := next(iter(settings.all(option)), off)) not in {off, "none", "no"}:
            yield f"{_NAMES[option]} {value}"
    for option, name, sign in _UNREAD:
        if sign in (value := settings.one(option) or ""):
            yield f"{name} {value}"


def _needs(settings: SshSettings, own: SshSettings, evidence: Evidence) -> Iterator[str]:
    yield from _options(settings)
    if settings.on("gssapiauthentication") and evidence.ticket:
        yield "GSSAPIAuthentication, and there is a Kerberos ticket"
    for key in evidence.keys:
        yield f"the security key {key}"
    for file in evidence.unreadable:
        yield f"{file}, in which asyncssh finds no key or certificate"
    preferred = settings.one("preferredauthentications") or ""
    if any(word in preferred for word in ("keyboard-interactive", "gssapi", "hostbased")):
        yield f"PreferredAuthentications {preferred}"
    differing = [option for option in _PLACES if settings.all(option) != own.all(option)]
    if differing:
        yield f"the system's ssh config, for {' '.join(differing)}"
