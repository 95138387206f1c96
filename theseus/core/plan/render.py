"""Rendering: plans as text for people. Everything shown comes from the plan."""

from collections.abc import Iterator
from typing import assert_never

from theseus.core.config.secrets import describe
from theseus.core.plan.plan import Plan
from theseus.core.plan.script import describe_step
from theseus.core.plan.steps import (
    BuildEnvironment,
    ClaimRun,
    Content,
    EnsureFile,
    EnsureTree,
    Launch,
    MakeDir,
    Packaged,
    PlanDocument,
    PutFile,
    PutFiles,
    PutSecrets,
    Step,
    Submit,
    SubmitArray,
    Text,
)
from theseus.core.solve.verdict import TraceLine
from theseus.core.source.source_text import shown
from theseus.core.text.quantity import count, show_duration, show_memory
from theseus.core.text.table import table


def render_plan(plan: Plan) -> str:
    """The plan in one screen: run, target, allocation, source, places, trace, steps."""
    return "\n\n".join(
        part for part in (_head(plan), _notes(plan), _trace(plan), _steps(plan)) if part
    )


def render_trace(trace: tuple[TraceLine, ...]) -> str:
    """The decision trace as a table."""
    rows = [(line.host, line.partition or "-", line.verdict, line.reason) for line in trace]
    return table(("HOST", "PARTITION", "VERDICT", "REASON"), rows)


def describe_content(step: Step) -> str | None:
    """What *step* puts on the host, in words; None for one that puts nothing there."""
    match step:
        case PutFile(_, _, _, content) | EnsureFile(_, _, _, content):
            return _content(content)
        case EnsureTree(_, _, tree):
            return f"source tree {tree[:12]}, unless it is there"
        case PutSecrets(_, _, secrets):
            return ", ".join(f"{each.variable} from {describe(each.reference)}" for each in secrets)
        case PutFiles(_, _, files):
            return f"{count(len(files), 'file')} in one archive"
        case MakeDir() | ClaimRun() | BuildEnvironment() | Launch() | Submit() | SubmitArray():
            return None
        case _:
            assert_never(step)


def _content(content: Content) -> str:
    match content:
        case Text(text):
            size = len(text.encode("utf-8", "surrogateescape"))
            return f"{count(size, 'byte')}, in this plan"
        case PlanDocument():
            return "this plan"
        case Packaged(name, sha256):
            return f"{name} of this theseus, sha256 {sha256[:12]}"
        case _:
            assert_never(content)


def _head(plan: Plan) -> str:
    run, target = plan.run, plan.target
    lines = (
        ("run", f"{run.name} ({run.id})"),
        ("job", f"{run.job}, project {run.project}, group {run.group}"),
        ("target", _target(plan)),
        ("allocation", describe_allocation(plan)),
        ("source", _source(plan)),
        ("work", plan.paths.work),
        ("log", plan.paths.log),
        ("results", plan.paths.results),
    )
    width = max(len(name) for name, _ in lines)
    heading = f"Plan of run {run.name!r} on {target.host}"
    return "\n".join((heading, *(f"  {name.ljust(width)}  {value}" for name, value in lines)))


def _target(plan: Plan) -> str:
    target = plan.target
    way = "this machine" if target.transport == "local" else f"ssh {target.ssh}"
    partition = "" if target.partition is None else f", partition {target.partition}"
    return f"{target.host} ({target.type}, cluster {target.cluster}{partition}, {way})"


def describe_allocation(plan: Plan) -> str:
    """What the run gets, in a few words."""
    return ", ".join(_allocation(plan))


def _allocation(plan: Plan) -> Iterator[str]:
    allocation = plan.allocation
    on = f" on {allocation.nodes} nodes" if allocation.nodes > 1 else ""
    kind = f"CPUs alone{on}" if allocation.total_chips == 0 else None
    chip = allocation.chip or "chip of one kind"
    yield kind or (
        f"{allocation.nodes} nodes with {allocation.chips_per_node} x {chip} each"
        if allocation.nodes > 1
        else f"{allocation.chips_per_node} x {chip}"
    )
    if allocation.memory is not None:
        yield f"{show_memory(allocation.memory)} of memory"
    if allocation.cpus is not None:
        yield count(allocation.cpus, "CPU")
    time = plan.request.time if allocation.time is None else allocation.time
    if time is not None:
        yield f"time {show_duration(time)}"


def _source(plan: Plan) -> str:
    source = plan.source
    commit = "no commit" if source.commit is None else f"commit {source.commit[:12]}"
    state = "with uncommitted changes" if source.dirty else "as committed"
    inside = f", starts in {shown(source.subdirectory)}" if source.subdirectory else ""
    return f"{source.repository} tree {source.tree[:12]} ({commit}, {state}){inside}"


def _notes(plan: Plan) -> str:
    return "\n".join(f"note: {note}" for note in plan.notes)


def _trace(plan: Plan) -> str:
    return f"Considered\n{_indented(render_trace(plan.trace))}"


def _steps(plan: Plan) -> str:
    lines: list[str] = []
    width = len(str(len(plan.steps)))
    for number, step in enumerate(plan.steps, 1):
        lines.append(f"{number:>{width}}  {describe_step(step)}")
        if content := describe_content(step):
            lines.append(f"{'':{width}}    {content}")
    return f"Steps on {plan.target.host}\n{_indented(chr(10).join(lines))}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
