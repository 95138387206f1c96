"""Sightings: the lines that look.sh prints become facts, and a cut answer none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.core.runs.sighting import End, InQueue, NoJob, NotTold, Sighting, sightings

PLAIN, OTHER, LAST = "20261124-120000-aaaaaa", "20261124-120001-bbbbbb", "20261124-120002-cccccc"
AT = "2026-11-24T12:00:00Z"
OUTCOME = f'{{"state": "failed", "exit_status": 3, "message": "no", "ended_at": "{AT}"}}'
HERE = "run 0\nplace\nthere\nlaunched\n"
BATCH = f"{HERE}batch\n"
END = "clock 2026-11-24T12:01:00Z\nend\n"


def seen(text: str, run_id: str = PLAIN) -> Sighting:
    """The one run of *text*."""
    found = sightings(text + END, [run_id])
    assert found is not None
    (run,) = found
    return run


def test_plain() -> None:
    """A plain run has a process, perhaps an outcome, and a heartbeat of some age."""
    text = (
        f"{HERE}answer 17 4711 b00t\nprocess alive\nstate running\nheartbeat 2026-11-24T12:00:30Z\n"
    )
    expected = Sighting(
        place=True,
        there=True,
        launched=True,
        answer="17 4711 b00t",
        process="alive",
        said="running",
        silence=30,
    )
    assert seen(text) == expected
    assert seen("run 0\n") == Sighting()
    assert seen("run 0\nplace\n") == Sighting(place=True)


def test_end() -> None:
    """An outcome is read; what is none counts as not there, whatever it holds."""
    assert seen(f"{HERE}outcome {OUTCOME}\n").end == End("failed", 3, "no", AT)
    assert seen(f'{HERE}outcome {{"state": "completed"}}\n').end == End("completed", None, "", None)
    for text in ("{", "[]", '{"state": 3}', ""):
        assert seen(f"{HERE}outcome {text}\n").end is None


@pytest.mark.parametrize("heartbeat", ["", "now", "2026-11-24T12:00:00"])
def test_no_time(heartbeat: str) -> None:
    """A heartbeat that is no time, or none of UTC, tells nothing."""
    assert seen(f"{HERE}heartbeat {heartbeat}\n").silence is None


@pytest.mark.parametrize(
    ("slurm", "word"),
    [
        ("squeue |\njob |42|PENDING|Resources|theseus:x\n", InQueue("42", "PENDING", "Resources")),
        ("squeue |\njob |4|RUNNING|None|\njob b|42|RUNNING|None|\n", NoJob(accounted=False)),
        ("squeue |\nsacct \n", NoJob(accounted=True)),
        ("squeue |\nsacct it is disabled\n", NoJob(accounted=False)),
        (
            f"squeue |\nsacct \naccount 42|CANCELLED by 1000|a|b-{PLAIN}\n",
            InQueue("42", "CANCELLED", ""),
        ),
        (f"squeue |\nsacct \naccount 42|FAILED|x-{OTHER}\n", NoJob(accounted=True)),
        ("squeue |no | controller\n", NotTold("no | controller")),
        ("", NotTold("it was not asked")),
    ],
)
def test_job(slurm: str, word: object) -> None:
    """A job is what squeue says, else what accounting does; that neither was asked is said."""
    assert seen(f"{slurm}{BATCH}answer slurm 42\n").job == word


def test_job_of_a_cluster() -> None:
    """With several clusters a number means the job of the one that answered."""
    text = f"squeue b|\njob b|42|RUNNING|None|\njob |42|PENDING|x|\n{BATCH}answer slurm 42 b\n"
    assert seen(text).job == InQueue("42", "RUNNING", "None")


def test_job_of_an_array() -> None:
    """One job of an array is known by its number alone: its name is the array's."""
    text = f"squeue |\njob |42_1|RUNNING|None|theseus:a\nsacct \naccount 42_2|FAILED|all-a\n{BATCH}"
    assert seen(f"{text}answer slurm 42_1\n").job == InQueue("42_1", "RUNNING", "None")
    assert seen(f"{text}answer slurm 42_2\n").job == InQueue("42_2", "FAILED", "")
    assert seen(f"{text}answer slurm 42_3\n").job == InQueue("42_3", "CANCELLED", ""), "left out"
    assert seen(f"{text}answer slurm 43_3\n").job == NoJob(accounted=True)
    waits = f"squeue |\njob |42_1|PENDING|None|theseus:a\n{BATCH}answer slurm 42_3\n"
    assert seen(waits).job == NoJob(accounted=False), "it may have begun, and ended long ago"
    assert seen(f"sacct \n{waits}").job == InQueue("42_3", "CANCELLED", "")
    beat = "heartbeat 2026-11-24T00:00:00Z"
    assert seen(f"{text}answer slurm 42_3\n{beat}\n").job == NoJob(accounted=True), "it began"
    never = f"squeue |\nsacct \naccount 42_[2-4]|CANCELLED by 7|all-a\n{HERE}"
    assert seen(f"{never}answer slurm 42_3\n").job == InQueue("42_3", "CANCELLED", "")
    assert seen(f"{never}array a 4\n").job == InQueue("42_4", "CANCELLED", "")
    others_wait = f"squeue |\njob |42_2|PENDING|x|y\nsacct \naccount 42_[2-4]|PENDING|all-a\n{HERE}"
    assert seen(f"{others_wait}answer slurm 42_3\n").job == InQueue("42_3", "CANCELLED", "")


def test_lost_answer() -> None:
    """A job whose answer was lost is known by the run in its comment, or by its name."""
    found = seen(f"squeue |\njob |7|PENDING|Priority|theseus:{PLAIN}\n{BATCH}")
    assert (found.answer, found.job) == ("slurm 7", InQueue("7", "PENDING", "Priority"))
    for comment in (f"theseus:{PLAIN}|mine", f"mine|x-{PLAIN}"):
        assert seen(f"squeue |\njob |7|PENDING|Priority|{comment}\n{BATCH}").answer == "slurm 7"
    found = seen(f"squeue |\nsacct \naccount 7|COMPLETED|x-{PLAIN}\n{BATCH}")
    assert (found.answer, found.job) == ("slurm 7", InQueue("7", "COMPLETED", ""))
    none = seen(f"squeue |\nsacct \njob |7|PENDING|Priority|theseus:{OTHER}\n{BATCH}")
    assert (none.answer, none.job) == (None, NoJob(accounted=True))
    assert seen(HERE).job is None, "a plain run has no job"


def test_lost_answer_of_an_array() -> None:
    """A run of an array is known by the array's name and its own number in it."""
    text = f"squeue |\njob |7_1|RUNNING|None|theseus:a-1\njob |7_2|PENDING|x|theseus:a-1\n{HERE}"
    assert seen(f"{text}array a-1 2\n").job == InQueue("7_2", "PENDING", "x")
    assert seen(f"{text}array a-1 2\n").answer == "slurm 7_2"
    assert seen(f"{text}array a-1 3\n").job == NoJob(accounted=False)
    account = f"squeue |\nsacct \naccount 7_2|FAILED|all-a-1\n{HERE}array a-1 2\n"
    assert seen(account).job == InQueue("7_2", "FAILED", "")


def test_several() -> None:
    """Each run has its own facts, in the order in which they were asked for."""
    text = f"run 0\nrun 1\nplace\nthere\nanswer 1 2 3\nprocess gone\nrun 2\nplace\n{END}"
    found = sightings(text, [PLAIN, OTHER, LAST])
    assert found is not None
    assert [(run.place, run.there, run.process) for run in found] == [
        (False, False, None),
        (True, True, "gone"),
        (True, False, None),
    ]


@given(st.integers(0, 400))
def test_cut_short(length: int) -> None:
    """An answer that was cut anywhere tells nothing."""
    text = f"squeue |\njob |42|RUNNING|None|\n{BATCH}answer slurm 42\noutcome {OUTCOME}\n{END}"
    if length < len(text.rstrip()):
        assert sightings(text[:length], [PLAIN]) is None
    assert sightings(text, [PLAIN, OTHER]) is None
