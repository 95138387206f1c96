"""Every error has a text that says what is wrong, where, and what to do."""

import pytest

from tests.plan_errors import plan_errors
from theseus.core import errors
from theseus.core.error_text import explain
from theseus.core.errors import PlanError
from theseus.core.plan.batch import TooManyRuns
from theseus.core.plan.outcome import HostUnreachable, NothingToSend
from theseus.core.plan.plan import NotAPlan, OtherVersion
from theseus.core.request.request import BadFlag
from theseus.core.request.run_words import AmbiguousRun, UnknownRun
from theseus.core.solve.solve import NoFit
from theseus.core.solve.verdict import TraceLine
from theseus.core.source.source import NoCommits

REJECTED = TraceLine("box", None, "rejected", "too small")
ERRORS: list[tuple[PlanError, str, str]] = [
    (
        errors.BadFile("c.yaml", (errors.Located(2, 5, ("hosts", "a"), "wrong"),)),
        "c.yaml:2:5: hosts.a",
        "wrong",
    ),
    (errors.BadFile("c.yaml", (errors.Located(0, 0, (), "no YAML"),)), "c.yaml: no YAML", ""),
    (errors.Unreadable("job config", "a", "is gone", "look"), "job config a: is gone", "; look"),
    (
        errors.BadInput((BadFlag("--mem", "bad"), BadFlag("--time", "worse"))),
        "--mem: bad\n",
        "--time: worse",
    ),
    (errors.UnknownJob("trian", ("train",), ("train",)), "'trian'", "did you mean 'train'?"),
    (errors.UnknownJob("x", (), ("a", "b")), "no job is called 'x'", "known are a, b"),
    (errors.UnknownJob("x", (), (), ("m: broken",)), "none is registered here", "\n  m: broken"),
    (errors.BadJob("a", "no code", "write some"), "job 'a': no code", "; write some"),
    (errors.SourceUnusable(NoCommits("/x")), "at /x has no commits", "--dirty"),
    (
        errors.PlanUnusable("p.json", NotAPlan(("a", "b"))),
        "p.json: not a plan: a; b",
        "",
    ),
    (errors.PlanUnusable("p.json", OtherVersion(7, 1)), "schema version 7", "again"),
    (NoFit((REJECTED,)), "nothing fits\n\nHOST", "box"),
    (NoFit((TraceLine("box", None, "unreachable", "off"),)), "no host answers\n\nHOST", "off"),
    (TooManyRuns(2, 5, (REJECTED,)), "2 of 5 runs fit now", "too small"),
    (errors.GpusTaken("r1", "box", "needs 2 GPUs; plan again"), "box: needs 2", "plan again"),
    (errors.StalePlan("box", ("GPU 1 is busy", "b")), "GPU 1 is busy; b", "--force"),
    (HostUnreachable("box", "is off", "turn it on"), "box: is off", "turn it on"),
    (NothingToSend("the secret is gone", "set it"), "the secret is gone", "set it"),
    (errors.StepFailed("id", "box", 3, "claim /r", "no space"), "step 3 failed on box", "claim"),
    (UnknownRun("dmo", ("demo",)), "no run is called 'dmo'; did you mean 'demo'?", "ps --rescan"),
    (AmbiguousRun("2026", ("a", "b")), "several runs have '2026' in their id: a, b;", "more of it"),
    (AmbiguousRun("2026", tuple("abcdefg")), "id: a, b, c, d, e and 2 more;", "more of it"),
    (
        errors.SubmissionUnknown("id", "box", "cut", "/r"),
        "not answered (cut)",
        "`theseus recover id` finds out",
    ),
]


@pytest.mark.parametrize(("error", "what", "more"), ERRORS)
def test_text(error: PlanError, what: str, more: str) -> None:
    """The text names the place, what is wrong there, and what to do."""
    text = explain(error)
    assert what in text
    assert more in text
    assert not text.endswith("\n")


def test_all_are_covered() -> None:
    """No error is left out above."""
    assert {type(error).__name__ for error, _, _ in ERRORS} == plan_errors()
