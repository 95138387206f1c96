"""Recording: what `--record FILE` means for the commands that perform a plan."""

from typing import TYPE_CHECKING

from returns.result import Result, Success

from theseus.cli.invoke import say
from theseus.core.errors import PlanError
from theseus.effects.reading.output_file import OutputFile

if TYPE_CHECKING:
    from theseus.effects.submit.witness import Witness


def recordable(record: str | None) -> Result[None, PlanError]:
    """Whether the file can be written, asked before anything is sent."""
    return Success(None) if record is None else _output(record).place().map(lambda _: None)


# imported where it is used: most submissions are not recorded, and hosts are connected to first
def witness(record: str | None) -> "Witness":
    """Who looks on: this terminal, and the file *record* where there is to be one."""
    from theseus.cli.uploading import uploading  # noqa: PLC0415  imported while hosts answer
    from theseus.effects.submit.witness import Witness  # noqa: PLC0415  imported while hosts answer

    if record is None:
        return Witness(say, uploading)
    from theseus.effects.submit.recorded import recording_to  # noqa: PLC0415  for --record alone

    return Witness(say, uploading, recording_to(_output(record), say))


def _output(record: str) -> OutputFile:
    return OutputFile("recording", record, "name another with --record")
