"""`theseus login`: open a host's authenticated connection once, so that no command asks again."""

import asyncio
import sys
from typing import Annotated

from cyclopts import Parameter
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.cli.flags import Switch
from theseus.cli.invoke import DONE, say
from theseus.cli.report import report
from theseus.core.config.config import DispatchConfig, Host
from theseus.core.config.decode import nearest_or_all
from theseus.core.errors import BadInput, PlanError
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.request.request import BadFlag
from theseus.effects.hosts.login import close_login, open_login
from theseus.effects.hosts.masters import live_master, look_up
from theseus.effects.hosts.pace import Budget
from theseus.effects.hosts.shells import ShellUnavailable
from theseus.effects.hosts.system_ssh import SystemSsh
from theseus.effects.reading.load import load_config


def login(
    host: str,
    /,
    *,
    exit: Annotated[bool, Switch] = False,  # noqa: A002  the name of the flag
    dispatch_config: Annotated[str | None, Parameter(name=("--dispatch-config", "-d"))] = None,
) -> int:
    """Open the connection to a host, answering at the terminal what it asks.

    Passwords and second factors are asked for once; until the connection is closed, no command
    asks again.

    Parameters
    ----------
    host
        Name of the host in the dispatch config.
    exit
        Close the connection.
    dispatch_config
        Dispatch config (default: ~/.theseus.yaml).
    """
    found: Result[Host, PlanError] = Result.do(
        at for config in load_config(dispatch_config) for at in _remote(config, host)
    )
    if not is_successful(found):
        return report(found.failure())
    at = found.unwrap()
    try:
        act = _leave(host, at.ssh or host) if exit else _enter(host, at)
        said = asyncio.run(act)
    except ShellUnavailable as unavailable:
        return report(unavailable.error)
    if not is_successful(said):
        return report(said.failure())
    say(said.unwrap())
    return DONE


def _remote(config: DispatchConfig, name: str) -> Result[Host, PlanError]:
    """The host *name*, where logging in makes a difference."""
    host = config.hosts.get(name)
    if host is None:
        return _refused(f"no host is called {name!r}{nearest_or_all(name, tuple(config.hosts))}")
    match host.transport:
        case "local":
            return _refused(f"{name} is this very machine: there is nothing to log in to")
        case "asyncssh":
            return _refused(f"{name} has `transport: asyncssh`, which knows no such connection")
        case _:
            return Success(host)


async def _enter(name: str, host: Host) -> Result[str, PlanError]:
    ssh, alias = SystemSsh(), host.ssh or name
    site = await look_up(ssh, name, alias)
    master = await live_master(ssh, site)
    if master is not None:
        whose = "" if master.own else " (your own ControlMaster)"
        return Success(f"{name}: logged in already{whose}")
    if not sys.stdin.isatty():
        return Failure(_bad("asks questions: run it in a terminal"))
    opened = await open_login(ssh, site, Budget(host.connections_per_minute))
    if isinstance(opened, int):
        advice = f"ssh said why; see also `ssh -v {alias}`"
        return Failure(HostUnreachable(name, "not logged in", advice))
    return Success(f"{name}: logged in; `theseus login {name} --exit` closes the connection")


async def _leave(name: str, alias: str) -> Result[str, PlanError]:
    closed = await close_login(SystemSsh(), name, alias)
    return Success(f"{name}: {'logged out' if closed else 'was not logged in'}")


def _refused(message: str) -> Result[Host, PlanError]:
    return Failure(_bad(message))


def _bad(message: str) -> BadInput:
    return BadInput((BadFlag("login", message),))
