"""Recording: what `--record FILE` means for the commands that perform a plan."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import evolve
from returns.pipeline import is_successful
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
@contextmanager
def recording(record: str | None) -> Iterator[Callable[[], "Witness"]]:
    """Who looks on at the submission in the block: this terminal and, when it ends, *record*."""
    if record is None:
        yield _witness
        return
    from theseus.effects.submit.recorded import Recorder, save_recorded  # noqa: PLC0415  for --record alone

    recorder = Recorder()
    try:
        yield lambda: evolve(_witness(), around=recorder.around)
    finally:
        if recorder.recorded is None:
            say("nothing was sent to a host, so nothing is recorded")
        else:
            _warn_of(save_recorded(recorder.recorded, _output(record)))


def _witness() -> "Witness":
    from theseus.cli.uploading import uploading  # noqa: PLC0415  imported while hosts answer
    from theseus.effects.submit.witness import Witness  # noqa: PLC0415  imported while hosts answer

    return Witness(say, uploading)


def _warn_of(saved: Result[None, PlanError]) -> None:
    if not is_successful(saved):
        from theseus.core.error_text import explain  # noqa: PLC0415  for --record alone

        say(f"{explain(saved.failure())}; the submission itself is not touched by this")


def _output(record: str) -> OutputFile:
    return OutputFile("recording", record, "name another with --record")
