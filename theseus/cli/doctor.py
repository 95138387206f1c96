"""`theseus doctor`: whether the hosts of the config are fit for runs, and what to do where not."""

import asyncio
import sys
from typing import Annotated

from cyclopts import Parameter
from returns.pipeline import is_successful

from theseus.cli.flags import Switch
from theseus.cli.invoke import DONE, FAILED, say
from theseus.cli.report import report
from theseus.core.config.decode import nearest_or_all
from theseus.core.doctor.doctor import render_health
from theseus.core.errors import BadInput
from theseus.core.plan.codec import converter
from theseus.core.request.request import BadFlag
from theseus.core.text.json_text import json_text
from theseus.core.text.quantity import count
from theseus.effects.inventory.doctor import examine
from theseus.effects.reading.load import load_config


def doctor(
    *hosts: str,
    deep: Annotated[bool, Switch] = False,
    dispatch_config: Annotated[str | None, Parameter(name=("--dispatch-config", "-d"))] = None,
    json: Annotated[bool, Switch] = False,
) -> int:
    """Examine hosts: connection, shell, places, tools, GPUs, SLURM against the config.

    Nothing is changed there. The exit status is 1 when anything fails.

    Parameters
    ----------
    hosts
        Names of hosts in the dispatch config (default: all).
    deep
        Have SLURM run a job of seconds that looks at the share from a compute node.
    dispatch_config
        Dispatch config (default: ~/.theseus.yaml).
    json
        Print what was found as JSON.
    """
    loaded = load_config(dispatch_config)
    if not is_successful(loaded):
        return report(loaded.failure())
    config = loaded.unwrap()
    known = config.hosts_by_preference()
    if unknown := [name for name in hosts if name not in known]:
        problems = (f"no host is called {name!r}{nearest_or_all(name, known)}" for name in unknown)
        return report(BadInput(tuple(BadFlag("doctor", problem) for problem in problems)))
    found = asyncio.run(examine(config, tuple(dict.fromkeys(hosts)) or known, deep=deep))
    if json:
        sys.stdout.write(json_text(converter().unstructure(found)))
    else:
        sys.stdout.write(f"{render_health(found)}\n")
    failures = sum(health.count("FAIL") for health in found)
    warnings = sum(health.count("WARN") for health in found)
    say(f"{count(len(found), 'host')}: {failures} failed, {count(warnings, 'warning')}")
    return FAILED if failures else DONE
