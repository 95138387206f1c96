"""Request: from what flags and a job config say to the hardware that is asked for.

The hardware resolution rules of the specification, as one function. Every problem is said at once.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, TypeAlias

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import HardwareRequest
from theseus.core.config.decode import Parsed, Problem, decode, expected, nearest, plain, value_at
from theseus.core.config.fields import Memory, Minutes, Positive
from theseus.core.config.secrets import Referenced, written
from theseus.core.text.quantity import duration, memory
from theseus.core.values import frozen


def _chip_count(value: object) -> Result[int, str]:
    number = plain(value)
    if type(number) is not int:
        return Failure(expected("a whole number", value))
    return Success(number) if number >= 0 else Failure(expected("0 or more", value))


@frozen
class AskedInJobConfig:
    """The `request:` section of a job config."""

    chip: str | None = None
    min_chips: Annotated[int, Parsed(_chip_count)] | None = None
    n_shards: Positive | None = None
    mem: Memory | None = None
    time: Minutes | None = None


@frozen
class AskedByFlags:
    """The hardware flags of the command line, as they were typed; None where not given."""

    chip: str | None = None
    n_chips: int | None = None
    mem: str | None = None
    time: str | None = None
    cluster: tuple[str, ...] = ()
    exclude_cluster: tuple[str, ...] = ()
    n_shards: int | None = None
    nodes: int | None = None
    cpus: int | None = None
    queue: bool = False


@frozen
class BadFlag:
    """A *flag* whose value cannot be used."""

    flag: str
    message: str


@frozen
class BadKey:
    """A key of the job config whose value cannot be used."""

    problem: Problem


RequestProblem: TypeAlias = BadFlag | BadKey


def resolve_request(
    flags: AskedByFlags, job_config: Mapping[str, Any], clusters: tuple[str, ...]
) -> Result[HardwareRequest, tuple[RequestProblem, ...]]:
    """The request that *flags* over the `request:` of *job_config* make; *clusters* are known."""
    decoded = decode(AskedInJobConfig, _left_by(flags, job_config.get("request")))
    asked = decoded.value_or(AskedInJobConfig())
    problems = (
        *_decode_problems(decoded),
        *_chip_problems(flags, asked, value_at(job_config, ("request", "chip"))),
        *_count_problems(flags),
        *_cluster_problems(flags, clusters),
        *_quantity_problems(flags),
    )
    return Failure(problems) if problems else Success(_request(flags, asked))


_FLAGS: Final = {"min_chips": "n_chips"} | {key: key for key in ("chip", "n_shards", "mem", "time")}


def _left_by(flags: AskedByFlags, section: object) -> object:
    """What of the *section* counts: no flag takes its place."""
    match section:
        case None:
            return {}
        case Mapping():
            over = {key for key, flag in _FLAGS.items() if getattr(flags, flag) is not None}
            return {key: value for key, value in section.items() if key not in over}
        case _:
            return section


def _request(flags: AskedByFlags, asked: AskedInJobConfig) -> HardwareRequest:
    chip = asked.chip if flags.chip is None else flags.chip
    min_chips = _first(flags.n_chips, asked.min_chips, 1)
    return HardwareRequest(
        # n_chips == 0 forces CPU mode and clears the chip
        chip=SUPPORTED_CHIPS[chip] if chip is not None and min_chips else None,
        min_chips=min_chips,
        preferred_clusters=flags.cluster,
        forbidden_clusters=flags.exclude_cluster,
        n_shards=asked.n_shards if flags.n_shards is None else flags.n_shards,
        mem=asked.mem if flags.mem is None else memory(flags.mem).unwrap(),
        time=asked.time if flags.time is None else duration(flags.time).unwrap(),
        nodes=flags.nodes,
        cpus=flags.cpus,
        queue=flags.queue,
    )


def _first(flag: int | None, asked: int | None, default: int) -> int:
    if flag is not None:
        return flag
    return default if asked is None else asked


def _decode_problems(
    decoded: Result[AskedInJobConfig, tuple[Problem, ...]],
) -> Iterator[RequestProblem]:
    if not is_successful(decoded):
        for problem in decoded.failure():
            yield BadKey(Problem(("request", *problem.path), problem.message))


def _chip_problems(
    flags: AskedByFlags, asked: AskedInJobConfig, raw: object
) -> Iterator[RequestProblem]:
    from_flag = flags.chip is not None
    chip = flags.chip if from_flag else asked.chip
    message = (
        None if chip is None else _chip_problem(chip, _first(flags.n_chips, asked.min_chips, 1))
    )
    if message is None:
        return
    if isinstance(raw, Referenced) and not from_flag:
        message = f"{written(raw)} holds no chip that can be counted"
    yield (
        BadFlag("--chip", message) if from_flag else BadKey(Problem(("request", "chip"), message))
    )


def _chip_problem(chip: str, min_chips: int) -> str | None:
    if chip not in SUPPORTED_CHIPS:
        near = nearest(chip, tuple(SUPPORTED_CHIPS))
        known = near or f"; known are {', '.join(SUPPORTED_CHIPS)}"
        return f"unknown chip {chip!r}{known}"
    if chip == "cpu" and min_chips > 0:
        return "cpu is no accelerator to count: ask for CPUs alone with --n_chips 0"
    return None


def _count_problems(flags: AskedByFlags) -> Iterator[BadFlag]:
    if flags.n_chips is not None and flags.n_chips < 0:
        yield BadFlag("--n_chips", f"expected 0 or more, got {flags.n_chips}")
    for flag, number in (
        ("--n_shards", flags.n_shards),
        ("--nodes", flags.nodes),
        ("--cpus", flags.cpus),
    ):
        if number is not None and number < 1:
            yield BadFlag(flag, f"expected 1 or more, got {number}")


def _cluster_problems(flags: AskedByFlags, clusters: tuple[str, ...]) -> Iterator[BadFlag]:
    for flag, names in (("--cluster", flags.cluster), ("--exclude-cluster", flags.exclude_cluster)):
        for name in names:
            if name not in clusters:
                near = (
                    nearest(name, clusters) or f"; the config has {', '.join(clusters) or 'none'}"
                )
                yield BadFlag(flag, f"no cluster is called {name!r}{near}")
    for name in flags.cluster:
        if name in flags.exclude_cluster:
            yield BadFlag("--exclude-cluster", f"{name!r} is also in --cluster")


def _quantity_problems(flags: AskedByFlags) -> Iterator[BadFlag]:
    if flags.mem is not None and not is_successful(parsed := memory(flags.mem)):
        yield BadFlag("--mem", parsed.failure())
    if flags.time is not None and not is_successful(parsed := duration(flags.time)):
        yield BadFlag("--time", parsed.failure())
