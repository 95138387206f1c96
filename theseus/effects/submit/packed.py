"""Packing: the plan of an order, with all that it would send, as one file that starts the run.

Nothing is contacted: the host is chosen by what the config declares. The form of the file is for
`core/plan/packed.py` to say.
"""

import tempfile
from pathlib import Path
from typing import assert_never

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.errors import BadInput, PlanError
from theseus.core.inventory.inventory import Inventory
from theseus.core.plan.codec import plan_json
from theseus.core.plan.modes import PRIVATE_SCRIPT
from theseus.core.plan.packed import PackedFile, packed_files, packed_text
from theseus.core.plan.plan import Plan
from theseus.core.plan.steps import EnsureTree, Packaged, PlanDocument, Submit, Text
from theseus.core.request.request import BadFlag
from theseus.core.values import frozen
from theseus.effects.perform.package import PACKED, packaged_content
from theseus.effects.reading.output_file import OutputFile
from theseus.effects.submit.orders import Order
from theseus.effects.submit.planning import plan_and_archive


@frozen
class PackedRun:
    """What was written: the *plan* of the run, and the *size* of the file in bytes."""

    plan: Plan
    size: int


def pack(order: Order, path: str) -> Result[PackedRun, PlanError]:
    """Write the run of *order* to *path* as one file that `bash` or `sbatch` starts."""
    output = OutputFile("packed file", path, "name another with -o")
    place = output.place()
    if not is_successful(place):
        return Failure(place.failure())
    with tempfile.TemporaryDirectory(prefix="theseus-") as scratch:
        archive = Path(scratch) / "source.tar.gz"
        planned = plan_and_archive(order, Inventory(), archive).bind(_startable_by_hand)
        if not is_successful(planned):
            return Failure(planned.failure())
        content = _text(planned.unwrap(), archive).encode("utf-8", "surrogateescape")
    written = output.write(content, PRIVATE_SCRIPT)
    return written.map(lambda _: PackedRun(planned.unwrap(), len(content)))


def _startable_by_hand(plan: Plan) -> Result[Plan, PlanError]:
    if any(isinstance(step, Submit) and step.after is not None for step in plan.steps):
        message = (
            "which job of SLURM that run is, is not known here: leave it out, and start the file "
            "with `sbatch --dependency=afterok:JOB`"
        )
        return Failure(BadInput((BadFlag("--after", message),)))
    return Success(plan)


def _text(plan: Plan, archive: Path) -> str:
    head = packaged_content(PACKED).decode()
    contents = {file.path: _content(file, plan, archive) for file in packed_files(plan)}
    return packed_text(plan, head, contents)


def _content(file: PackedFile, plan: Plan, archive: Path) -> bytes:
    match file.content:
        case Text(text):
            return text.encode("utf-8", "surrogateescape")
        case Packaged(name):
            return packaged_content(name)
        case PlanDocument():
            return plan_json(plan).encode()
        case EnsureTree():
            return archive.read_bytes()
        case _:
            assert_never(file.content)
