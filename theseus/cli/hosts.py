"""`theseus hosts`: what every host of the config has, and what of it is free now."""

import asyncio
import sys
from typing import Annotated

from cyclopts import Parameter
from returns.pipeline import is_successful

from theseus.cli.flags import Switch
from theseus.cli.invoke import DONE, UNREACHABLE, say
from theseus.cli.report import report
from theseus.core.config.config import DispatchConfig
from theseus.core.inventory.hosts_table import host_rows, render_hosts
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.codec import converter
from theseus.core.plan.inquiry import inquiry_of
from theseus.core.text.json_text import json_text
from theseus.core.text.shell import word
from theseus.effects.inventory.survey import survey
from theseus.effects.perform.reach import aliases_of, shells
from theseus.effects.reading.inventory_files import save_inventory
from theseus.effects.reading.load import load_config


def hosts(
    *,
    dispatch_config: Annotated[str | None, Parameter(name=("--dispatch-config", "-d"))] = None,
    json: Annotated[bool, Switch] = False,
    save: str | None = None,
) -> int:
    """Ask all hosts at once what they have and what is free.

    Parameters
    ----------
    dispatch_config
        Dispatch config (default: ~/.theseus.yaml).
    json
        Print the rows as JSON.
    save
        Save the inventory to a file that `theseus plan --inventory` plans against.
    """
    loaded = load_config(dispatch_config)
    if not is_successful(loaded):
        return report(loaded.failure())
    config = loaded.unwrap()
    inventory = asyncio.run(_ask(config))
    rows = host_rows(config, inventory)
    if json:
        sys.stdout.write(json_text(converter().unstructure(rows)))
    else:
        sys.stdout.write(f"{render_hosts(rows)}\n")
    if save is not None:
        saved = save_inventory(inventory, save)
        if not is_successful(saved):
            return report(saved.failure())
        say(f"inventory saved: plan against it with `theseus plan … --inventory {word(save)}`")
    return DONE if any(row.reachable for row in rows) or not rows else UNREACHABLE


async def _ask(config: DispatchConfig) -> Inventory:
    inquiries = {name: inquiry_of(config.hosts[name]) for name in config.hosts_by_preference()}
    async with shells(aliases_of(config)) as open_shell:
        return (await survey(open_shell, inquiries)).inventory
