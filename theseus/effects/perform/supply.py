"""Supply: the content that a plan names and does not hold.

Shipped files, the plan's own document, secrets, the archive of a tree. A secret's value leaves
this module only as the content of the file it is for: never in an exception, a log or a repr.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeAlias, assert_never

from attrs import field

from theseus.core.config.secrets import (
    CommandSecret,
    ConfigSecret,
    EnvironmentSecret,
    FileSecret,
    JoinedSecret,
    SecretReference,
    describe,
)
from theseus.core.plan.outcome import NothingToSend
from theseus.core.plan.shelf import Offer
from theseus.core.plan.steps import Packaged
from theseus.core.values import frozen
from theseus.effects.perform.package import packaged_content, packaged_digest
from theseus.effects.perform.parcel import Parcel, SupplyError, Watch, unwatched

ParcelOf: TypeAlias = Callable[[str, Offer], Awaitable[Parcel]]
"""Gives the source tree of that hash, in a form that is offered."""


class Supply(Protocol):
    """Where a performer gets content from; each may raise SupplyError."""

    def packaged(self, content: Packaged) -> bytes:
        """The bytes of a file that ships with theseus."""

    def plan_document(self) -> bytes:
        """The plan's own JSON."""

    async def secret(self, reference: SecretReference) -> str:
        """The value that *reference* points at."""

    async def parcel(self, tree: str, offer: Offer) -> Parcel:
        """The source *tree*, in a form that *offer* has."""


@frozen
class PlanSupply:
    """The supply of one plan, on the machine where it is performed.

    *known* holds the secrets that were looked up; the plans of a batch share it. *watch* looks on
    while a source tree is sent.
    """

    document: bytes = field(repr=False)
    parcel_of: ParcelOf
    config_secret: Callable[[ConfigSecret], str]
    environment: Mapping[str, str] = field(factory=lambda: os.environ, repr=False)
    known: dict[SecretReference, str] = field(factory=dict, repr=False)
    watch: Watch = unwatched

    def packaged(self, content: Packaged) -> bytes:
        """The bytes of a shipped file, which must be those the plan was made with."""
        if packaged_digest(content.name) != content.sha256:
            raise SupplyError(
                NothingToSend(
                    f"the plan was made by another version of theseus: its {content.name} differs",
                    "make the plan again with this version, or perform it with that one",
                )
            )
        return packaged_content(content.name)

    def plan_document(self) -> bytes:
        """The plan's own JSON."""
        return self.document

    async def parcel(self, tree: str, offer: Offer) -> Parcel:
        """The source *tree*, in a form that *offer* has."""
        return self.watch(await self.parcel_of(tree, offer))

    async def secret(self, reference: SecretReference) -> str:
        """The value that *reference* points at, without its last newline; looked up once."""
        if reference not in self.known:
            self.known[reference] = await self._looked_up(reference)
        return self.known[reference]

    async def _looked_up(self, reference: SecretReference) -> str:
        match reference:
            case EnvironmentSecret(variable):
                value = self._from_environment(variable)
            case FileSecret(path):
                value = _from_file(path)
            case CommandSecret(command):
                value = await _from_command(command)
            case ConfigSecret():
                value = self.config_secret(reference)
            case JoinedSecret(parts):
                value = "".join([await self._part(part) for part in parts])
            case _:
                assert_never(reference)
        if "\0" in value:
            raise _missing(reference, "holds a NUL byte", "no variable can hold one: correct it")
        return value

    async def _part(self, part: str | EnvironmentSecret) -> str:
        return part if isinstance(part, str) else await self.secret(part)

    def _from_environment(self, variable: str) -> str:
        if variable not in self.environment:
            reference = EnvironmentSecret(variable)
            raise _missing(reference, "is not set here", f"export {variable} and try again")
        return self.environment[variable]


def _missing(reference: SecretReference, problem: str, advice: str) -> SupplyError:
    return SupplyError(NothingToSend(f"the secret {describe(reference)} {problem}", advice))


def _from_file(path: str) -> str:
    try:
        content = Path(path).expanduser().read_bytes()
    except (OSError, RuntimeError) as error:
        # RuntimeError: `~name` of a user that does not exist
        reason = error.strerror if isinstance(error, OSError) else str(error)
        problem = f"cannot be read: {reason}"
        raise _missing(FileSecret(path), problem, "put the file there") from None
    return _text(content)


async def _from_command(command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        problem = f"could not be had: its command ended with status {process.returncode}"
        raise _missing(CommandSecret(command), problem, "run the command by hand to see why")
    return _text(output)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape").removesuffix("\n")
