"""Plan: everything one submission will do, as one frozen value.

Invariants: the same inputs give the same plan, byte for byte; the plan names exact paths, commands
and content (or its hash and where it comes from); it holds no secret; its steps have no branches.
The plan is the only thing that crosses from the core to the effects.
"""

from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import CONNECTIONS_PER_MINUTE, Transport
from theseus.core.plan.steps import Step
from theseus.core.solve.verdict import Allocation, TraceLine
from theseus.core.source.source import SourceSnapshot
from theseus.core.values import frozen

SCHEMA_VERSION = 1


@frozen
class Run:
    """One submission. *job* is the key of the registered job."""

    id: str
    name: str
    project: str
    group: str
    job: str


@frozen
class Target:
    """Where the run goes: *host* of the config, reached as *ssh* by *transport*."""

    host: str
    type: str
    cluster: str
    partition: str | None
    ssh: str | None
    transport: Transport
    connections_per_minute: int = CONNECTIONS_PER_MINUTE


@frozen
class Paths:
    """Where things lie on the remote side. Absolute, or beginning with `~/`."""

    share: str
    run: str
    work: str
    log: str
    status: str
    data: str
    checkpoints: str
    results: str


@frozen
class Plan:
    """One run on one target."""

    version: int
    theseus: str
    run: Run
    target: Target
    allocation: Allocation
    request: HardwareRequest
    source: SourceSnapshot
    paths: Paths
    trace: tuple[TraceLine, ...]
    notes: tuple[str, ...]
    steps: tuple[Step, ...]


@frozen
class NotAPlan:
    """The text is no plan; *problems* say why."""

    problems: tuple[str, ...]


@frozen
class OtherVersion:
    """The plan has schema *version*; this theseus reads *readable*."""

    version: object
    readable: int
