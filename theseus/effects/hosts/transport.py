"""Transport: whether a host takes the system's `ssh`, where the config leaves that open (`auto`).

asyncssh is the first choice: it needs no `ssh` here and sends faster. What a host needs that it
lacks is found out by `ssh -G` and a look at keys and tickets; core/hosts/ssh_settings.py judges.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from theseus.core.hosts.ssh_settings import Evidence, SshSettings, needs
from theseus.effects.hosts.masters import Site, live_master
from theseus.effects.hosts.system_ssh import Said, SystemSsh, has_ticket


async def openssh_needs(alias: str) -> tuple[str, ...]:
    """Why *alias* is reached by the system's `ssh`, in words; nothing when it need not be."""
    ssh = SystemSsh()
    with suppress(FileNotFoundError):
        settings, own = await asyncio.gather(ssh.settings(alias), ssh.own_settings(alias))
        if isinstance(settings, Said):
            return ()  # asyncssh reads the same file, and says what is wrong with it
        if await live_master(ssh, Site(alias, alias, settings)) is not None:
            return ("its connection is open already",)
        ticket = settings.on("gssapiauthentication") and await has_ticket()
        evidence = Evidence(ticket, _security_keys(settings), _unreadable(settings))
        return (
            *_beside_the_name(alias),
            *needs(settings, own, evidence),
        )
    return ()


def _beside_the_name(alias: str) -> tuple[str, ...]:
    """`user@host` and `ssh://host:port` are no names of the ssh config: only ssh takes them."""
    return (f"`{alias}`, which is more than a name",) if "@" in alias or "://" in alias else ()


def _security_keys(settings: SshSettings) -> tuple[str, ...]:
    """The identity files that are keys on a hardware token, by their public halves."""
    return tuple(file for file in settings.all("identityfile") if _kind(file).startswith("sk-"))


def _unreadable(settings: SshSettings) -> tuple[str, ...]:
    """Files that ssh does without, or has an agent for, while asyncssh connects no more."""
    return tuple(
        file
        for option, mark in (("identityfile", b"PRIVATE KEY"), ("certificatefile", b"-cert-v01@"))
        for file in settings.named_files(option)
        if mark not in _content(file)
    )


def _content(file: str) -> bytes:
    with suppress(OSError, RuntimeError):
        return Path(file).expanduser().read_bytes()
    return b""


def _kind(file: str) -> str:
    with suppress(OSError, UnicodeDecodeError, RuntimeError):
        return Path(f"{file}.pub").expanduser().read_text(encoding="ascii")
    return ""
