"""Exchange: a segment, or a set of probes, as one framed dialogue with a shell.

What is said is compiled by core/plan/script.py and answered by sh/perform.sh; how the shell was
opened is not known here. Every step gets exactly one outcome, and none is `Done` that was not
answered.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from itertools import takewhile
from typing import TypeAlias

from theseus.core.plan.outcome import (
    AlreadySubmitted,
    Done,
    Failed,
    NotReached,
    Outcome,
    Unknown,
)
from theseus.core.plan.script import Obtain, ask_frames, obtain_frame, script_frame, turn_frames
from theseus.core.plan.shelf import Offer
from theseus.core.text.shell import command_line
from theseus.core.values import frozen
from theseus.effects.hosts.shells import Shell
from theseus.effects.perform.frames import START, ErrorReader, Frame, FrameReader
from theseus.effects.perform.package import packaged_content
from theseus.effects.perform.parcel import Parcel
from theseus.effects.perform.sending import Aside, Lacking, Ready, Sending, frames_of
from theseus.effects.perform.supply import Supply

TOGETHER = 64 * 1024  # bytes that are sent at once: each piece is a packet or several
PATIENCE = 5.0  # seconds for what follows the last answer: its marker, the exit status


Widen: TypeAlias = Callable[[Parcel, Obtain], Awaitable[Aside | None]]
"""Says what else carries the pieces of a parcel, if anything does."""


async def unwidened(_: Parcel, __: Obtain) -> Aside | None:
    """Nothing but the dialogue."""
    return None


@frozen
class Answer:
    """What a probe said: its exit *status*, standard *output*, and the tail of its *errors*."""

    status: int
    output: bytes
    errors: str


@frozen
class Lost:
    """The dialogue ended before every probe was answered."""

    reason: str


class Silent(Exception):  # noqa: N818  what was said before is no less true
    """A host was silent too long; *answers* came before, the next question has not ended.

    None where not even bash has said that it is there.
    """

    def __init__(self, answers: tuple[Answer, ...] | None) -> None:
        super().__init__(f"{len(answers or ())} answers came")
        self.answers = answers


async def ask(shell: Shell, probes: Sequence[tuple[str, ...]]) -> tuple[Answer, ...] | Lost:
    """Run the argvs of *probes* in *shell*, at the same time, and give what each said."""
    return await ask_commands(shell, [command_line(argv) for argv in probes])


async def ask_in_turn(shell: Shell, probes: Sequence[tuple[str, ...]]) -> tuple[Answer, ...] | Lost:
    """Run the argvs of *probes* in *shell*, each when that before has ended."""
    frames = turn_frames([command_line(argv) for argv in probes])
    return await _asked(_questions(shell, frames))


async def ask_commands(
    shell: Shell, commands: Sequence[str], library: str | None = None
) -> tuple[Answer, ...] | Lost:
    """What *commands* say, lines for bash that may use the functions of the script *library*."""
    return await _asked(_questions(shell, ask_frames(commands), library))


async def ask_within(
    deadline: float, shell: Shell, commands: Sequence[str]
) -> tuple[Answer, ...] | Lost:
    """What *commands* say, lines for bash; raises Silent after *deadline* seconds."""
    dialogue = _questions(shell, ask_frames(commands))
    try:
        async with asyncio.timeout(deadline):
            await dialogue.hold(None)
    except TimeoutError:
        answered = dialogue.answered
        if answered is None or len(answered) < len(commands):
            raise Silent(answered) from None
    return await dialogue.answers()


def _questions(shell: Shell, frames: Sequence[bytes], library: str | None = None) -> "Dialogue":
    sendings = [Ready(index, frame) for index, frame in enumerate(frames)]
    return Dialogue(shell, sendings, library)


async def _asked(dialogue: "Dialogue") -> tuple[Answer, ...] | Lost:
    await dialogue.hold(None)
    return await dialogue.answers()


class Dialogue:
    """One exchange with perform.sh: a writer, and a reader for each of its two streams."""

    def __init__(
        self,
        shell: Shell,
        sendings: Iterable[Sending],
        library: str | None = None,
        widen: Widen = unwidened,
    ) -> None:
        self._scripts = ("perform.sh",) if library is None else ("perform.sh", library)
        self._widen = widen
        self._token = secrets.token_hex(16)
        self._shell = shell
        self._sendings = tuple(sendings)
        self._frames: dict[int, Frame] = {}
        self._errors = ErrorReader(self._token)
        self._wanted: dict[int, asyncio.Future[bool]] = {}
        self._begun = START  # the last step of which anything was sent
        self._unsent, self._said = bytearray(), START  # what is to be sent, to the step said last

    async def hold(self, supply: Supply | None) -> None:
        """Say everything and listen until the last step is answered or the stream ends."""
        reader = asyncio.create_task(self._read_output())
        errors = asyncio.create_task(self._read_errors())
        writer = asyncio.create_task(self._write(supply, reader))
        tasks = (writer, reader, errors)
        try:
            await asyncio.wait({reader})
            if not reader.cancelled():
                await asyncio.wait({errors}, timeout=PATIENCE)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def outcomes(self) -> tuple[Outcome, ...]:
        """What became of each step."""
        if not self._sendings:
            return ()
        silence = await self._silence()
        made: list[Outcome] = []
        for sending in self._sendings:
            if made and not isinstance(made[-1], Done | Unknown):
                made.append(NotReached())
            else:
                made.append(self._outcome(sending.index, silence))
        return tuple(made)

    @property
    def again(self) -> int | None:
        """The first step that found less than was said to be there: nothing was done from it on."""
        found = (frame.index for frame in self._frames.values() if frame.status == "again")
        return next(found, None)

    async def answers(self) -> tuple[Answer, ...] | Lost:
        """What each probe said."""
        answered = self._answered()
        if len(answered) < len(self._sendings):
            match await self._silence():
                case Failed(status, message):
                    return Lost(message or f"no bash there: exit status {status}")
                case Unknown(reason):
                    return Lost(reason)
        return answered

    @property
    def answered(self) -> tuple[Answer, ...] | None:
        """What the probes said so far; None before bash has said that it is there."""
        return self._answered() if START in self._frames else None

    def _answered(self) -> tuple[Answer, ...]:
        said = takewhile(lambda sending: sending.index in self._frames, self._sendings)
        frames = (self._frames[sending.index] for sending in said)
        return tuple(
            Answer(int(frame.status), frame.output, self._errors.said(frame.index))
            for frame in frames
        )

    def _outcome(self, index: int, silence: Failed | Unknown) -> Outcome:
        frame = self._frames.get(index)
        if frame is None:
            # the first step is told why, also where the far side was gone before it was sent
            told = max(self._begun, self._sendings[0].index)
            return silence if index <= told else NotReached()
        output = frame.output.decode("utf-8", "surrogateescape")
        match frame.status:
            case "0":
                return Done(output)
            case "answered":
                return AlreadySubmitted(output)
            case "skipped" | "again":
                return NotReached()
            case status:
                return Failed(int(status), self._errors.said(index) or output)

    async def _silence(self) -> Failed | Unknown:
        """What it means that a step was not answered: perform.sh never ran, or who knows."""
        if self._sendings[-1].index in self._frames:
            return Unknown("answered out of order")
        try:
            status = await asyncio.wait_for(self._shell.exit_status(), PATIENCE)
        except TimeoutError:
            status = None
        if status is None:
            return Unknown("the connection was lost before the answer came")
        if START in self._frames:
            return Unknown(f"bash ended with status {status} before it answered")
        # the streams ended in order and perform.sh never said that it was there: nothing ran
        said = self._errors.said(START) or "the login shell printed no error"
        return Failed(status or 1, f"could not start bash there: {said}")

    async def _write(self, supply: Supply | None, reader: "asyncio.Task[None]") -> None:
        try:
            self._introduce()
            for sending in self._sendings:
                match sending:
                    case Ready(index, frame):
                        await self._say(index, frame)
                    case Lacking():
                        assert supply is not None  # noqa: S101 - probes lack nothing
                        await self._satisfy(sending, supply)
            await self._flush()
            await self._shell.end_input()
        except ConnectionError:
            return  # the readers see the end of their streams
        except BaseException:
            reader.cancel()  # the far side waits for what will not come
            raise

    def _introduce(self) -> None:
        """Begin with the scripts that bash has not read in an earlier dialogue."""
        self._unsent += f"token={self._token}\n".encode()
        if "perform.sh" in self._shell.heard:
            self._unsent += b"begin\n"
        for script in self._scripts:
            if script not in self._shell.heard:
                self._unsent += script_frame(packaged_content(script))
                self._shell.heard.add(script)

    async def _say(self, index: int, data: bytes) -> None:
        """Send *data*, which belongs to step *index*, soon: small pieces go together."""
        self._unsent += data
        self._said = index
        if len(self._unsent) >= TOGETHER:
            await self._flush()

    async def _flush(self) -> None:
        if not self._unsent:
            return
        unsent, self._unsent, self._begun = bytes(self._unsent), bytearray(), self._said
        await self._shell.write(unsent)

    async def _satisfy(self, lacking: Lacking, supply: Supply) -> None:
        """Send step *lacking*, and after it what is missing there."""
        index, offer = lacking.index, lacking.offer
        await self._flush()  # making a parcel may take long, and the steps before need not wait
        parcel = await lacking.parcel_for(supply, offer) if lacking.known else None
        if parcel is not None and parcel.follows:
            await self._say(index, obtain_frame(index, lacking.obtain, "follows"))
            await self._send(index, parcel)
            return
        await self._say(index, obtain_frame(index, lacking.obtain, "ask"))
        await self._flush()
        # found out while the far side comes to this step
        aside = None if parcel is None else await self._widen(parcel, lacking.obtain)
        while await self._wants(index):
            wanted = parcel
            if wanted is None:
                wanted = await lacking.parcel_for(supply, offer)
                aside = await self._widen(wanted, lacking.obtain)
            await self._send(index, wanted, aside)
            parcel, offer = None, Offer()  # a pack is of no use there; the whole archive is

    async def _send(self, index: int, parcel: Parcel, aside: Aside | None = None) -> None:
        async with aclosing(frames_of(parcel, aside)) as frames:
            async for frame in frames:
                await self._say(index, frame)
                if aside is not None:
                    await self._flush()  # what went aside is taken up at once

    async def _wants(self, index: int) -> bool:
        await self._flush()
        wanted = await self._reply(index)
        del self._wanted[index]
        return wanted

    def _reply(self, index: int) -> "asyncio.Future[bool]":
        return self._wanted.setdefault(index, asyncio.get_running_loop().create_future())

    async def _read_output(self) -> None:
        reader = FrameReader(self._token)
        last = self._sendings[-1].index if self._sendings else START
        while last not in self._frames and (data := await self._shell.output()):
            for frame in reader.feed(data):
                self._take(frame)
        for reply in self._wanted.values():
            if not reply.done():
                reply.cancel()  # and with it the writer, which has no one to write to

    def _take(self, frame: Frame) -> None:
        if frame.status == "want":
            self._reply(frame.index).set_result(True)
            return
        self._frames[frame.index] = frame
        reply = self._reply(frame.index)
        if not reply.done():
            reply.set_result(False)

    async def _read_errors(self) -> None:
        last = self._sendings[-1].index if self._sendings else START
        while data := await self._shell.errors():
            self._errors.feed(data)
            if self._errors.marked(last):
                return
