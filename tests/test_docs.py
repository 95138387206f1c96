"""The documentation says what is so: links, commands, flags, keys, statuses, steps and reasons."""

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import pytest
from returns.pipeline import is_successful

from tests.documentation import (
    CHART,
    DOC,
    REPOSITORY,
    Fence,
    Page,
    command_lines,
    first_cells,
    page,
    pages,
)
from tests.plan_errors import plan_errors
from theseus.base.chip import SUPPORTED_CHIPS
from theseus.cli import COMMANDS, application, invoke
from theseus.core.config.config import (
    ClusterConfig,
    DispatchConfig,
    Partition,
    PlainHost,
    SlurmHost,
)
from theseus.core.config.config_checks import decode_config
from theseus.core.config.secrets import SecretReference
from theseus.core.plan.plan import Paths, Plan, Run, Target
from theseus.core.plan.steps import Content, Step
from theseus.core.solve.verdict import Allocation, Reason, TraceLine
from theseus.core.source.source import SourceSnapshot, SourceWarning
from theseus.effects.perform.package import PACKAGE
from theseus.effects.reading.yaml_text import DispatchLoader, JobLoader, parse
from theseus.registry import ENTRY_POINTS

PAGES = pages()
GUIDE = page(DOC / "dispatch.md")
PLAN = page(DOC / "plan.md")
ERRORS = page(DOC / "errors.md")
REMOTE = page(DOC / "remote-side.md")
GLOSSARY = page(DOC / "glossary.md")
README = page(REPOSITORY / "README.md")

VOCABULARY = frozenset(
    {
        *("config", "job config", "request", "cluster", "host", "partition", "chip", "inventory"),
        *("probe", "source snapshot", "allocation", "plan", "step", "performer", "outcome", "run"),
        "recording",
        *("payload", "bootstrap", "runtime", "lease", "ledger", "transport", "master"),
    }
)
TABLES = {
    "At the top": DispatchConfig,
    "`clusters.<name>`": ClusterConfig,
    "`hosts.<name>`, `type: plain`": PlainHost,
    "`hosts.<name>`, `type: slurm`": SlurmHost,
    "`partitions[…]`": Partition,
}
PLAN_TABLES = {
    "Keys": Plan,
    "`run`": Run,
    "`target`": Target,
    "`allocation`": Allocation,
    "`source`": SourceSnapshot,
    "`trace`": TraceLine,
}
FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
# flags of other programs that pages mention
FOREIGN_FLAGS = {
    *("--frozen", "--no-dev", "--parsable", "--account", "--qos", "--constraint", "--gres"),
    "--no-usage-report",
    *("--config", "--steps"),  # a user's own programs
}
VARIABLE = re.compile(r"THESEUS_[A-Z_]+[A-Z]")


def names(union: object) -> frozenset[str]:
    """The names of the classes in a union."""
    return frozenset(each.__name__ for each in get_args(union))


def fields(cls: type) -> frozenset[str]:
    """The names of an attrs class's fields."""
    return frozenset(field.name for field in attrs.fields(cls))


def flags_of(command: str) -> frozenset[str]:
    """Every spelling of every flag of *command*."""
    spellings = (
        name
        for each in application()[command].assemble_argument_collection()
        for name in each.names
    )
    return frozenset(name for name in spellings if name.startswith("-"))


ALL_FLAGS = frozenset().union(*map(flags_of, COMMANDS)) | {"--help", "--version", "--debug"}
FENCES = [
    pytest.param(fence, id=f"{each.name}-{number}")
    for each in PAGES
    for number, fence in enumerate(each.fences("bash", "console"), 1)
]


@pytest.mark.parametrize("each", PAGES, ids=lambda each: each.name)
def test_links(each: Page) -> None:
    """Every link within the repository leads to a file, and to a heading when it names one."""
    for link in each.links:
        path, _, anchor = link.partition("#")
        target = (each.path.parent / path).resolve() if path else each.path
        assert target.exists(), f"{each.name} links to {link}"
        if anchor:
            assert anchor in page(target).anchors, f"{each.name} links to {link}"


@pytest.mark.parametrize("fence", FENCES)
def test_commands(fence: Fence) -> None:
    """Every `theseus …` command in a block can be parsed by the command line."""
    for _, *words in command_lines(fence):
        if words != ["--version"]:
            application().parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("each", PAGES, ids=lambda each: each.name)
def test_named_flags_exist(each: Page) -> None:
    """Every flag a page names is one of theseus's, or of a program it is known to speak of."""
    named = {flag for span in each.code for flag in FLAG.findall(span)}
    assert named <= ALL_FLAGS | FOREIGN_FLAGS


def test_flags_are_explained() -> None:
    """The guide names every command, and every flag in every spelling."""
    section = GUIDE.section("Commands and flags")
    assert {f"theseus {name}" for name in COMMANDS} <= set(re.findall(r"theseus [a-z]+", section))
    for flag in ALL_FLAGS - {"-h"}:
        assert re.search(rf"`(theseus )?{re.escape(flag)}[ `]", section), flag


@pytest.mark.parametrize("heading", TABLES)
def test_config_keys(heading: str) -> None:
    """Each table of the guide lists exactly the keys that its part of a config has."""
    listed = first_cells(GUIDE.section(heading))
    assert listed - {"type"} == fields(TABLES[heading])


def test_transports_and_types() -> None:
    """Every value that a key with a fixed choice may have is in the guide."""
    hints = get_type_hints(PlainHost) | get_type_hints(SlurmHost)
    for hint in hints.values():
        if get_origin(hint) is Literal:
            for value in get_args(hint):
                assert f"`{value}`" in GUIDE.text


def test_chips() -> None:
    """The guide lists exactly the chips there are."""
    listed, _, _ = GUIDE.section("Chips").partition("\nA GPU that")
    spans = set(re.findall(r"`([a-z0-9-]+)`", listed)) - {"chip", "chips"}
    assert spans == set(SUPPORTED_CHIPS)


def test_exit_statuses() -> None:
    """Every exit status the command line makes has its row, and no other has one."""
    made = {
        *(invoke.DONE, invoke.FAILED, invoke.BAD_INPUT, invoke.NOTHING_FITS),
        *(invoke.UNREACHABLE, invoke.UNKNOWN, invoke.INTERRUPTED, invoke.TIMED_OUT),
    }
    rows = re.findall(r"^\| (\d+) \|", ERRORS.section("Exit statuses"), re.MULTILINE)
    assert set(map(int, rows)) == made


def test_errors() -> None:
    """Every error that planning and submitting can end in has its row, and no other has one."""
    assert first_cells(ERRORS.section("Which error is which")) == plan_errors()


@pytest.mark.parametrize("heading", PLAN_TABLES)
def test_plan_keys(heading: str) -> None:
    """Each table about the plan lists exactly the keys there are."""
    section, _, _ = PLAN.section(heading).partition("\n### ")
    computed = {"total_chips"} if PLAN_TABLES[heading] is Allocation else set()
    assert first_cells(section) == fields(PLAN_TABLES[heading]) | computed


def test_plan_paths_and_values() -> None:
    """The page about the plan names every path, verdict and kind of warning."""
    for name in fields(Paths):
        assert f"`{name}`" in PLAN.section("`paths`")
    for verdict in get_args(get_type_hints(TraceLine)["verdict"]):
        assert f"`{verdict}`" in PLAN.section("`trace`")
    for warning in names(SourceWarning):
        assert f"`{warning}`" in PLAN.section("`source`")


def test_steps() -> None:
    """Every kind of step, content and reference has its row, and no other has one."""
    listed = first_cells(PLAN.section("Steps"))
    assert listed == names(Step) | names(Content) | names(SecretReference)


def test_step_keys() -> None:
    """The row of a step names its keys."""
    rows = {row.split("`")[1]: row for row in PLAN.text.splitlines() if row.startswith("| `")}
    for step in get_args(Step):
        for key in fields(step) - {"host"}:
            assert f"`{key}`" in rows[step.__name__]


def test_variables() -> None:
    """Every THESEUS_ variable that is set somewhere is explained, and no other is named."""
    sources = [*PACKAGE.rglob("*.py"), *(PACKAGE / "sh").glob("*.sh")]
    used = {name for file in sources for name in VARIABLE.findall(file.read_text("utf-8"))}
    # THESEUS_SECRET_0 and so on carry secrets into the config, and no job finds them
    internal = {"THESEUS_SECRET"}
    named = set(VARIABLE.findall(REMOTE.section("Environment variables")))
    assert named == used - internal
    for each in PAGES:
        assert set(VARIABLE.findall(each.text)) <= used


def test_run_directory() -> None:
    """Every file of a run directory is explained."""
    listed = first_cells(REMOTE.section("The run directory"))
    written = {
        "bootstrap.sh",
        "job.argv",
        "job.env",
        "payload.json",
        "setup.sh",
        "secrets.env",
        "plan.json",
        "answer",
        "outcome.json",
        "hardware.json",
        "contents.json",
    }
    assert written <= listed


def test_glossary() -> None:
    """The glossary has exactly the vocabulary, in alphabetical order."""
    words = re.findall(r"^\*\*([a-z ]+)\*\*:", GLOSSARY.text, re.MULTILINE)
    assert set(words) == VOCABULARY
    assert words == sorted(words)


def test_chart() -> None:
    """The flow chart is ASCII, fits a terminal, and names every reason, error and step."""
    text = CHART.read_text("ascii")
    assert max(map(len, text.splitlines())) <= 100
    said = frozenset(re.findall(r"\w+", text))
    assert names(Reason) | names(Step) <= said
    assert plan_errors() <= said | {"PlanUnusable"}


def test_decisions_are_listed() -> None:
    """Every decision is in the list of decisions, and every page of doc/ in the index."""
    listed = page(DOC / "decisions" / "README.md").links
    assert sorted(listed) == sorted(each.name for each in (DOC / "decisions").glob("0*.md"))
    index = {link.partition("#")[0] for link in page(DOC / "index.md").links}
    assert {each.name for each in DOC.glob("*.md")} - {"index.md"} <= index


def test_first_screen() -> None:
    """The README begins with what it is for and the two commands, and links the whole guide."""
    first = README.text[:900]
    assert "make demo" in first
    assert "make test" in first
    assert "doc/index.md" in README.links


def blocks(language: str) -> list[Any]:
    """Every fenced block of *language*, as parameters."""
    return [
        pytest.param(fence.text, id=f"{each.name}-{number}")
        for each in PAGES
        for number, fence in enumerate(each.fences(language), 1)
    ]


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml(text: str) -> None:
    """A block of YAML is a dispatch config that decodes, or a job config with the key `job`."""
    if "clusters:" in text:
        assert is_successful(parse(text, DispatchLoader).bind(_decoded))
    else:
        values: Mapping[str, object] = parse(text, JobLoader).unwrap()
        assert "job" in values


def _decoded(data: object) -> Any:
    return decode_config(data)


@pytest.mark.parametrize("text", blocks("python"))
def test_python(text: str) -> None:
    """A block of Python is valid Python."""
    compile(text, "block", "exec")


def test_entry_points() -> None:
    """The entry-point group in the guide to jobs is the one that is looked up."""
    assert f'entry-points."{ENTRY_POINTS}"' in page(DOC / "writing-jobs.md").text
