"""Inventory files: snapshots of hosts, saved as JSON and planned against later."""

import json
from collections.abc import Mapping

from cattrs import transform_error
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.errors import BadFile, Located, PlanError
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.codec import converter
from theseus.core.text.json_text import json_text
from theseus.effects.reading.load import read_text
from theseus.effects.reading.output_file import OutputFile

VERSION = 1
_MODE = 0o666  # less the umask: it holds no secret, and others may plan against it


def save_inventory(inventory: Inventory, path: str) -> Result[None, PlanError]:
    """Write *inventory* to *path*."""
    data = {"inventory": VERSION, **converter().unstructure(inventory)}
    output = OutputFile("inventory", path, "name another file")
    return output.write(json_text(data).encode(), _MODE)


def load_inventory(path: str) -> Result[Inventory, PlanError]:
    """The inventory saved at *path*."""
    text = read_text("inventory", path, "check the path")
    if not is_successful(text):
        return Failure(text.failure())
    try:
        data = json.loads(text.unwrap())
    except ValueError as error:
        return _no_inventory(path, f"it is no JSON: {error}")
    if not isinstance(data, Mapping) or data.get("inventory") != VERSION:
        return _no_inventory(path, "this theseus has not saved it")
    try:
        rest = {key: value for key, value in data.items() if key != "inventory"}
        return Success(converter().structure(rest, Inventory))
    except Exception as error:  # noqa: BLE001  cattrs raises whatever a class's own checks raise
        return _no_inventory(path, "; ".join(transform_error(error, path="inventory")[:5]))


def _no_inventory(path: str, reason: str) -> Failure[PlanError]:
    said = f"no inventory: {reason}; `theseus hosts --save FILE` writes one"
    return Failure(BadFile(path, (Located(0, 0, (), said),)))
