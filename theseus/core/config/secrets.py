"""References to secrets: where a value comes from, never the value.

Only a performer resolves a reference, at the last moment. `Referenced` is how a value that came
through `${oc.env:NAME}` travels from the loader to the planner.
"""

from typing import TypeAlias, assert_never

from attrs import field

from theseus.base.scalar import Scalar, scalar
from theseus.core.values import frozen


@frozen
class EnvironmentSecret:
    """The value of an environment *variable* on the client."""

    variable: str


@frozen
class FileSecret:
    """The content of *path* on the client, without its last newline."""

    path: str


@frozen
class CommandSecret:
    """What *command*, run by `sh -c` on the client, prints, without its last newline."""

    command: str


@frozen
class ConfigSecret:
    """The password inside the URL at *key* of the config file *path*."""

    path: str
    key: str


@frozen
class JoinedSecret:
    """A text with references inside."""

    parts: tuple[str | EnvironmentSecret, ...]


SecretReference: TypeAlias = (
    EnvironmentSecret | FileSecret | CommandSecret | ConfigSecret | JoinedSecret
)


@frozen
class Secret:
    """A variable of the job and where its value comes from."""

    variable: str
    reference: SecretReference


@frozen
class Referenced:
    """A value with parts from the environment: *text* as resolved, *parts* as written.

    *decoded* when the config asks for the number, truth value or null that the text spells.
    """

    text: str = field(repr=False)
    parts: tuple[str | EnvironmentSecret, ...]
    decoded: bool = False

    @property
    def value(self) -> Scalar:
        """What the job finds in its place."""
        return scalar(self.text) if self.decoded else self.text


def written(value: Referenced) -> str:
    """*value* as the config has it, for messages: what it holds is never shown.

    >>> written(Referenced("5", (EnvironmentSecret("STEPS"),), decoded=True))
    '${oc.decode:${oc.env:STEPS}}'
    """
    text = describe(JoinedSecret(value.parts))
    return f"${{oc.decode:{text}}}" if value.decoded else text


def parse_reference(text: str) -> SecretReference | None:
    """Read `env:NAME`, `file:PATH` or `cmd:COMMAND`; None for anything else."""
    scheme, colon, rest = text.partition(":")
    if not (colon and rest):
        return None
    match scheme:
        case "env":
            return EnvironmentSecret(rest)
        case "file":
            return FileSecret(rest)
        case "cmd":
            return CommandSecret(rest)
        case _:
            return None


def describe(reference: SecretReference) -> str:
    """Name the place *reference* points at, in the form the config writes it."""
    match reference:
        case EnvironmentSecret(variable):
            return f"env:{variable}"
        case FileSecret(path):
            return f"file:{path}"
        case CommandSecret(command):
            return f"cmd:{command}"
        case ConfigSecret(path, key):
            return f"{key} in {path}"
        case JoinedSecret(parts):
            return "".join(
                part if isinstance(part, str) else f"${{oc.env:{part.variable}}}" for part in parts
            )
        case _:
            assert_never(reference)
