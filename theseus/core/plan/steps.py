"""Steps: what a plan does, one after the other, on a host.

Steps are frozen values without behaviour. They are consumed by `match` ending in `assert_never`:
`script.py` compiles them to shell, `render.py` shows them to people, `codec.py` saves them.
A step never holds a secret, only where one comes from.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import TypeAlias

from theseus.core.config.secrets import Secret
from theseus.core.values import frozen


@frozen
class Text:
    """File content that stands in the plan itself."""

    text: str


@frozen
class Packaged:
    """File content that ships with theseus: *name* inside the package, and its *sha256*."""

    name: str
    sha256: str


@frozen
class PlanDocument:
    """File content that is the plan's own JSON."""


Content: TypeAlias = Text | Packaged | PlanDocument


@frozen
class MakeDir:
    """Make directory *path* and its parents; *mode* applies when it is new."""

    host: str
    path: str
    mode: int


@frozen
class ClaimRun:
    """Make the run directory *path*, which nobody else may have made.

    When a submission of the same run was already answered, its answer is the output and the
    segment ends there: the run is submitted.
    """

    host: str
    path: str


@frozen
class PutFile:
    """Write *content* to *path* with *mode*, atomically."""

    host: str
    path: str
    mode: int
    content: Content


@frozen
class EnsureFile:
    """Have *content* at its content-addressed *path*; sent only where it is missing."""

    host: str
    path: str
    mode: int
    content: Packaged


@frozen
class EnsureTree:
    """Have the source *tree* (its git hash) as an archive at *path*; sent only where missing."""

    host: str
    path: str
    tree: str


@frozen
class PutSecrets:
    """Write *secrets*, resolved at the last moment, to *path* with mode 0600."""

    host: str
    path: str
    secrets: tuple[Secret, ...]


@frozen
class PutFiles:
    """Write many *files* in one go, in directories of their own below *directory*.

    Such a directory is made where it is missing, for its owner alone.
    """

    host: str
    directory: str
    files: tuple[PutFile | PutSecrets, ...]


@frozen
class BuildEnvironment:
    """Build the environment of the project in *run_dir* here, where its nodes have no network."""

    host: str
    run_dir: str


@frozen
class Launch:
    """Start bootstrap in a session of its own; the answer (pid, start time, boot id) is the output.

    *run_dir* holds bootstrap.sh; everything it prints is appended to *log*. A run that needs GPUs
    leases them in the directory *leases*: a second line says which, or that it waits for its turn.
    """

    host: str
    run_dir: str
    log: str
    leases: str | None = None


@frozen
class Submit:
    """Hand the batch script of *run_dir* to SLURM by *argv*; the answer (job id) is the output.

    *after* is the run directory of the run this one waits for: its job id becomes a dependency.
    """

    host: str
    run_dir: str
    argv: tuple[str, ...]
    after: str | None = None


@frozen
class SubmitArray:
    """Hand many runs to SLURM as one array by *argv*; the answer (job id) is the output.

    *directory* holds the batch script, and the list of runs by their index in the array.
    """

    host: str
    directory: str
    argv: tuple[str, ...]


Step: TypeAlias = (
    MakeDir
    | ClaimRun
    | PutFile
    | PutFiles
    | EnsureFile
    | EnsureTree
    | PutSecrets
    | BuildEnvironment
    | Launch
    | Submit
    | SubmitArray
)


@frozen
class Segment:
    """A maximal run of steps on one host; *first* is the index of its first step in the plan."""

    host: str
    first: int
    steps: tuple[Step, ...]


def segments(steps: Iterable[Step]) -> tuple[Segment, ...]:
    """Cut *steps* wherever the host changes."""
    made: list[Segment] = []
    first = 0
    for host, group in groupby(steps, key=lambda step: step.host):
        taken = tuple(group)
        made.append(Segment(host, first, taken))
        first += len(taken)
    return tuple(made)
