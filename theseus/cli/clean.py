"""`theseus clean`: remove what runs have left behind and no run uses any more."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Annotated

from cyclopts import Parameter
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.base.hardware import Cluster
from theseus.cli.flags import Switch
from theseus.cli.invoke import DONE, FAILED, UNREACHABLE, say
from theseus.cli.report import report
from theseus.core.config.config import DispatchConfig
from theseus.core.config.decode import nearest_or_all
from theseus.core.error_text import explain
from theseus.core.errors import BadInput, PlanError
from theseus.core.plan.codec import converter
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.request.request import BadFlag
from theseus.core.runs.clean import Policy, Removal, choose
from theseus.core.runs.clean_table import CleanRow, clean_row, render_clean
from theseus.core.text.json_text import json_text
from theseus.core.text.quantity import duration, memory, show_memory
from theseus.core.values import frozen
from theseus.effects.hosts.shells import OpenShell
from theseus.effects.perform.reach import aliases_of, shells
from theseus.effects.reading.load import load_config
from theseus.effects.runs.clean import list_share, remove_items

MONTH = 30 * 24 * 60  # minutes


@frozen
class _Cleaned:
    """What became of the share of one host."""

    rows: tuple[CleanRow, ...] = ()
    error: HostUnreachable | None = None


def clean(
    *hosts: str,
    older_than: str | None = None,
    keep_size: str | None = None,
    dry_run: Annotated[bool, Switch] = False,
    json: Annotated[bool, Switch] = False,
    dispatch_config: Annotated[str | None, Parameter(name=("--dispatch-config", "-d"))] = None,
) -> int:
    """Remove what runs have left behind: sources, environments, run and work directories.

    Nothing that a live run uses is removed, and never data, checkpoints, results or logs.

    Parameters
    ----------
    hosts
        Only the storage of these hosts (default: of all).
    older_than
        What no run has used for so long goes, all that none uses for 0 (default: 30d, unless
        --keep-size is given).
    keep_size
        The longest unused goes until the rest takes up no more than this, such as 200G.
    dry_run
        Remove nothing; show what would go.
    json
        Print the rows as JSON.
    dispatch_config
        Dispatch config (default: ~/.theseus.yaml).
    """
    asked: Result[tuple[DispatchConfig, Mapping[str, str], Policy], PlanError] = Result.do(
        (config, shares, policy)
        for policy in _policy(older_than, keep_size)
        for config in load_config(dispatch_config)
        for shares in _shares(config, hosts)
    )
    if not is_successful(asked):
        return report(asked.failure())
    config, shares, policy = asked.unwrap()
    cleaned = asyncio.run(_clean(config, shares, policy, dry_run=dry_run))
    rows = [row for each in cleaned for row in each.rows]
    sys.stdout.write(
        json_text(converter().unstructure(rows)) if json else f"{render_clean(rows)}\n"
    )
    freed = show_memory(sum(row.size for row in rows if row.reason is None))
    say(f"{freed} would be freed" if dry_run else f"{freed} freed")
    return _status(cleaned)


def _status(cleaned: list[_Cleaned]) -> int:
    errors = [each.error for each in cleaned if each.error is not None]
    for error in errors:
        say(explain(error))
    if errors:
        return UNREACHABLE
    kept = any(row.reason is not None for each in cleaned for row in each.rows)
    return FAILED if kept else DONE


def _policy(older_than: str | None, keep_size: str | None) -> Result[Policy, PlanError]:
    """What is to go, from the words of the flags."""
    age = Success(None) if older_than is None else _age(older_than)
    size = Success(None) if keep_size is None else memory(keep_size)
    problems = tuple(
        BadFlag(flag, parsed.failure())
        for flag, parsed in (("--older-than", age), ("--keep-size", size))
        if not is_successful(parsed)
    )
    if problems:
        return Failure(BadInput(problems))
    both_missing = older_than is None and keep_size is None
    return Success(Policy(MONTH if both_missing else age.unwrap(), size.unwrap()))


def _age(text: str) -> Result[int, str]:
    """Minutes, as in any duration; `0` is for all that no run uses, however lately one did."""
    return Success(0) if text.strip() == "0" else duration(text)


def _shares(config: DispatchConfig, hosts: tuple[str, ...]) -> Result[Mapping[str, str], PlanError]:
    """The shares to clean, each by the first host that is to be asked for it."""
    unknown = tuple(
        BadFlag("HOST", f"no host is called {name!r}{nearest_or_all(name, tuple(config.hosts))}")
        for name in hosts
        if name not in config.hosts
    )
    if unknown:
        return Failure(BadInput(unknown))
    chosen = [name for name in config.hosts_by_preference() if not hosts or name in hosts]
    first = {config.hosts[name].cluster: name for name in reversed(chosen)}
    return Success({name: _share(config, cluster) for cluster, name in first.items()})


def _share(config: DispatchConfig, name: str) -> str:
    settings = config.clusters[name]
    given = {} if settings.share is None else {"share": settings.share}
    return Cluster(name, root=settings.root, work=settings.work, **given).share


async def _clean(
    config: DispatchConfig, shares: Mapping[str, str], policy: Policy, *, dry_run: bool
) -> list[_Cleaned]:
    async with shells(aliases_of(config)) as open_shell:
        work = (
            _clean_share(open_shell, host, share, policy, dry_run=dry_run)
            for host, share in shares.items()
        )
        return list(await asyncio.gather(*work))


async def _clean_share(
    open_shell: OpenShell, host: str, share: str, policy: Policy, *, dry_run: bool
) -> _Cleaned:
    listing = await list_share(open_shell, host, share)
    if isinstance(listing, HostUnreachable):
        return _Cleaned(error=listing)
    chosen = choose(listing, policy)
    removed: tuple[Removal, ...] | HostUnreachable = tuple(Removal(item) for item in chosen)
    if not dry_run:
        removed = await remove_items(open_shell, host, share, chosen)
    if isinstance(removed, HostUnreachable):
        return _Cleaned(error=removed)
    return _Cleaned(tuple(clean_row(host, listing.now, each) for each in removed))
