"""What `ssh` prints is understood: why it refused, and what a host needs of a transport."""

import pytest

from theseus.core.hosts.ssh_refusals import (
    explain_ssh,
    full,
    is_full,
    is_turned_away,
    unchecked_problem,
    unkept,
    unknown_name,
)
from theseus.core.hosts.ssh_settings import (
    Evidence,
    SshSettings,
    needs,
    read_settings,
    unchecked_setting,
)

CHANGED = """\
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Host key for {} has changed and you have requested strict checking.
Host key verification failed.
"""
UNKNOWN = """\
No ED25519 host key is known for {} and you have requested strict checking.
Host key verification failed.
"""
DEFAULTS = """\
hostname login.example.org
port 22
user ada
gssapiauthentication no
identityfile ~/.ssh/id_ed25519
proxyusefdpass no
verifyhostkeydns false
stricthostkeychecking ask
controlmaster false
userknownhostsfile ~/.ssh/known_hosts
"""
PLAIN = read_settings(DEFAULTS)


@pytest.mark.parametrize(
    ("said", "reason", "advice"),
    [
        (UNKNOWN.format("[a.b]:2222"), "the host key of a.b is not known", "run `ssh box` once"),
        (UNKNOWN.format("a.b"), "the host key of a.b is not known", "compare the fingerprint"),
        ("Host key verification failed.", "the host key of box is not known", "accept it"),
        (CHANGED.format("a.b"), "the host key of a.b has changed", "-R 'a.b'"),
        (CHANGED.format("[a.b]:2222"), "the host key of a.b has changed", "-R '[a.b]:2222'"),
        (CHANGED.partition("Host key")[0], "the host key of box has changed", "administrators"),
        ("ada@a.b: Permission denied (publickey).", "Permission denied (publickey)", "ssh-add"),
        (
            "ssh: Could not resolve hostname a.b: Name or service not known",
            "no such host name: Name or service not known",
            "`ssh -G box`",
        ),
        ("ssh: connect to host a port 1: Connection refused", "connection refused", "sshd"),
        ("ssh: connect to host a port 22: Connection timed out", "no answer in time", "VPN"),
        (
            "/home/ada/.ssh/config: line 2: Bad configuration option: portt\nterminating",
            "the ssh config cannot be used: /home/ada/.ssh/config: line 2",
            "correct it",
        ),
        ("Connection closed by 10.0.0.1 port 22", "it closed the connection at once", "MaxStart"),
        ("one\n\nssh: Odd.\n", "no connection: ssh: Odd.", "`ssh -v box`"),
        ("", "no connection: ssh said nothing", "`ssh -v box`"),
    ],
)
def test_refusals(said: str, reason: str, advice: str) -> None:
    """Each refusal has its reason and its advice."""
    explained = explain_ssh("box", said)
    assert reason in explained[0]
    assert advice in explained[1]


def test_who_may_come_again() -> None:
    """Only who was sent away before authentication tries again, or waits for a session."""
    assert is_turned_away("kex_exchange_identification: Connection closed by remote host")
    assert is_turned_away("Not allowed at this time")
    assert not is_turned_away("ada@a: Permission denied (publickey).\nConnection closed by a")
    assert not is_turned_away("Host key verification failed.\nConnection closed by UNKNOWN port 65")
    assert is_full("mux_client_request_session: session request failed: Session open refused")
    assert not is_full("Connection closed by remote host")
    assert unknown_name("nothing of the kind") is None


def test_words_without_a_text_of_ssh() -> None:
    """What asyncssh has no text for is said in the same words."""
    assert "MaxSessions" in full("box")[0]
    assert "`theseus login --exit`" in full("box")[1]
    assert unkept("/run/x", "Read-only file system")[0].endswith("in /run/x: Read-only file system")
    assert unchecked_problem("box", "A none").startswith("`A none` for box: host keys are always")


def with_line(line: str) -> SshSettings:
    """The defaults with one line more."""
    return read_settings(f"{line}\n{DEFAULTS}")


def test_nothing_is_needed() -> None:
    """A host with OpenSSH's defaults needs nothing; GSSAPI without a ticket is no need either."""
    assert needs(PLAIN, PLAIN, Evidence(ticket=True)) == ()
    gssapi = with_line("gssapiauthentication yes")
    assert needs(gssapi, gssapi, Evidence()) == ()
    assert needs(with_line("revokedhostkeys none"), PLAIN, Evidence()) == ()


@pytest.mark.parametrize(
    ("line", "need"),
    [
        ("controlpath /run/ssh/ada", "ControlPath /run/ssh/ada"),
        ("pkcs11provider /usr/lib/opensc.so", "PKCS11Provider /usr/lib/opensc.so"),
        ("proxyusefdpass yes", "ProxyUseFdpass yes"),
        ("proxyjump ada@[2001:db8::1]:22", "ProxyJump ada@[2001:db8::1]:22"),
        ("identityagent $AGENT_OF_MINE", "IdentityAgent $AGENT_OF_MINE"),
        ("verifyhostkeydns true", "VerifyHostKeyDNS true"),
        ("knownhostscommand /usr/bin/keys %H", "KnownHostsCommand /usr/bin/keys %H"),
        ("revokedhostkeys /etc/ssh/revoked", "RevokedHostKeys /etc/ssh/revoked"),
        ("gssapiauthentication yes", "GSSAPIAuthentication, and there is a Kerberos ticket"),
        (
            "preferredauthentications publickey,keyboard-interactive",
            "PreferredAuthentications publickey,keyboard-interactive",
        ),
    ],
)
def test_needs(line: str, need: str) -> None:
    """What asyncssh lacks is named."""
    settings = with_line(line)
    assert needs(settings, settings, Evidence(ticket=True)) == (need,)


def test_needs_beyond_options() -> None:
    """So are security keys, and places of the host that only the system's config knows."""
    evidence = Evidence(keys=("~/.ssh/id_ed25519_sk",))
    assert needs(PLAIN, PLAIN, evidence) == ("the security key ~/.ssh/id_ed25519_sk",)
    evidence = Evidence(unreadable=("~/.ssh/gone",))
    (need,) = needs(PLAIN, PLAIN, evidence)
    assert need == "~/.ssh/gone, in which asyncssh finds no key or certificate"
    system = with_line("proxycommand /usr/bin/proxy %h")
    (need,) = needs(system, PLAIN, Evidence())
    assert need == "the system's ssh config, for proxycommand"


def test_named_files() -> None:
    """Keys that ssh would try by itself are not named; what only ssh can spell out is not known."""
    usual = "".join(f"identityfile ~/.ssh/id_{kind}\n" for kind in ("rsa", "ecdsa", "ed25519"))
    assert read_settings(usual).named_files("identityfile") == ()
    named = read_settings("identityfile ~/.ssh/id_rsa\nidentityfile none\nidentityfile %d/a\n")
    assert named.named_files("identityfile") == ("~/.ssh/id_rsa",)
    by_variable = read_settings("certificatefile ${CERT}\ncertificatefile b")
    assert by_variable.named_files("certificatefile") == ("b",)


def test_jumps() -> None:
    """Hosts in between are known by name, however they are written."""
    assert PLAIN.jumps() == ()
    assert with_line("proxyjump ada@a:22,ssh://b,c").jumps() == ("a", "b", "c")
    literal = with_line("proxyjump ada@[2001:db8::1]:22,[::1],ssh://ada@[fe80::1%eth0]:22")
    assert literal.jumps() == ("2001:db8::1", "::1", "fe80::1%eth0")


def test_unchecked() -> None:
    """Settings that leave a host key unchecked are found; for jump hosts, all of them."""
    assert unchecked_setting(PLAIN, jump=True) is None
    nowhere = read_settings("userknownhostsfile /dev/null")
    assert unchecked_setting(nowhere) == "UserKnownHostsFile none"
    trusting = read_settings("stricthostkeychecking accept-new")
    assert unchecked_setting(trusting) is None
    assert unchecked_setting(trusting, jump=True) == "StrictHostKeyChecking accept-new"
