"""Rescan: finds a user's own runs on the hosts of a config, for a ledger that lacks them.

One exchange a host, all hosts at once. What is found is a plan as it was performed; how its host is
reached is for the config to say, since the plan may have been made on another machine.
"""

import asyncio
import base64
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from attrs import evolve
from returns.pipeline import is_successful

from theseus.base.hardware import Cluster
from theseus.core.config.config import DispatchConfig
from theseus.core.plan.codec import read_plan
from theseus.core.plan.plan import Plan
from theseus.core.runs.run_state import Unreachable
from theseus.effects.hosts.shells import OpenShell, ShellUnavailable
from theseus.effects.ledger.ledger import FoundRun
from theseus.effects.perform import exchange
from theseus.effects.perform.package import RESCAN, packaged_content
from theseus.effects.perform.reach import aliases_of, shells

DEADLINE = 120.0  # seconds for one host: thousands of plans may have to travel
_LARGEST = 32 * 2**20  # bytes of one plan


async def rescan(config: DispatchConfig) -> Mapping[str, tuple[FoundRun, ...] | Unreachable]:
    """The runs that each host of *config* has, by its name."""
    async with shells(aliases_of(config)) as open_shell:
        asked = (_ask(open_shell, config, host) for host in config.hosts)
        return dict(zip(config.hosts, await asyncio.gather(*asked), strict=True))


async def _ask(
    open_shell: OpenShell, config: DispatchConfig, host: str
) -> tuple[FoundRun, ...] | Unreachable:
    command = ("bash", "-c", packaged_content(RESCAN).decode(), RESCAN, _share(config, host))
    try:
        async with asyncio.timeout(DEADLINE), open_shell(host) as shell:
            answers = await exchange.ask(shell, [command])
    except TimeoutError:
        return Unreachable(f"did not answer within {DEADLINE:g} s")
    except ShellUnavailable as unavailable:
        return Unreachable(f"{unavailable.error.reason}; {unavailable.error.advice}")
    if isinstance(answers, exchange.Lost):
        return Unreachable(answers.reason)
    (answer,) = answers
    if answer.status != 0:
        return Unreachable(f"its runs cannot be read: {answer.errors.strip()}")
    return tuple(_reached(config, host, found) for found in _found(answer.output))


def _share(config: DispatchConfig, host: str) -> str:
    settings = config.clusters[config.hosts[host].cluster]
    given = {} if settings.share is None else {"share": settings.share}
    share: str = Cluster(host, root=settings.root, work=settings.work, **given).share
    return share


def _found(encoded: bytes) -> Iterator[FoundRun]:
    """The runs in an archive of run directories; what is no plan of this theseus is left out."""
    if not encoded.strip():
        return
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(encoded)), mode="r:gz") as archive:
        members = [member for member in archive if member.isfile() and member.size < _LARGEST]
        files = {member.name.removeprefix("./"): member for member in members}
        for name, member in files.items():
            run_id, _, kind = name.partition("/")
            plan = _plan(archive, member) if kind == "plan.json" else None
            if plan is None or plan.run.id != run_id:
                continue
            answer = files.get(f"{run_id}/answer")
            said = None if answer is None else _text(archive, answer).strip()
            yield FoundRun(plan, datetime.fromtimestamp(member.mtime, UTC), said or None)


def _plan(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Plan | None:
    try:
        read = read_plan(json.loads(_text(archive, member)))
    except (ValueError, RecursionError):
        return None
    return read.unwrap() if is_successful(read) else None


def _text(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    return "" if file is None else file.read().decode("utf-8", "replace")


def _reached(config: DispatchConfig, host: str, found: FoundRun) -> FoundRun:
    """*found*, its host reached as *config* says, or as the host where it was found."""
    way = config.hosts.get(found.plan.target.host, config.hosts[host])
    target = evolve(found.plan.target, ssh=way.ssh, transport=way.transport)
    return evolve(found, plan=evolve(found.plan, target=target))
