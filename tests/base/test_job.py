"""Names of runs, and what a job is told."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import Cluster, ClusterMachine, HardwareResult
from theseus.base.job import LONGEST_NAME, ExecutionSpec, JobSpec, valid_name
from theseus.base.topology import Topology


def spec_in(directory: Path, process_index: int = 0) -> ExecutionSpec:
    """A spec whose results go to a directory."""
    chip = SUPPORTED_CHIPS["cpu"]
    machine = ClusterMachine("here", Cluster("lab", "/r", "/w"), {chip: 1})
    return ExecutionSpec(
        id="r1",
        name="n",
        project="p",
        group="g",
        hardware=HardwareResult(chip, (machine,), 1),
        topology=Topology(2, 1, 2, process_index),
        distributed=True,
        work_dir=directory / "work",
        data_dir=directory / "data",
        checkpoint_dir=directory / "checkpoints",
        results_dir=directory / "results",
    )


@pytest.mark.parametrize(
    "text", ["my-run", 'it\'s "fine"', "größe λ 🙂", "a.b", "…", " x ", "a\\b", "$(x)"]
)
def test_a_printable_name_is_fine(text: str) -> None:
    """Spaces, quotes and every alphabet may be used in a name."""
    assert valid_name(text) is None
    assert JobSpec(name=text, project=text, group=text).name == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (".", "is a directory of every directory"),
        ("..", "is a directory of every directory"),
        ("-x", "starts with '-'"),
        ("~x", "starts with '~'"),
        ("a/b", "holds '/'"),
        ("a\nb", r"holds '\\n'"),
        ("a\x7f", r"holds '\\x7f'"),
        ("a\u2028b", r"holds '\\u2028'"),
        ("a\udcff", r"holds '\\udcff'"),
        ("ä" * 65, "is longer than 128 bytes"),
    ],
)
def test_a_name_that_would_do_harm_is_refused(text: str, said: str) -> None:
    """What a path, a log or a command line would take for something else is no name."""
    with pytest.raises(ValueError, match=f"^name .* {said}"):
        JobSpec(name=text)
    with pytest.raises(ValueError, match=f"^group .* {said}"):
        JobSpec(name="n", group=text)


@given(st.text(max_size=140))
def test_a_valid_name_is_one_directory(text: str) -> None:
    """Every valid name can be the name of a directory, and comes back as it was."""
    if valid_name(text) is None:
        assert len(text.encode()) <= LONGEST_NAME
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / text).mkdir()
            assert [path.name for path in Path(directory).iterdir()] == [text]


def test_a_spec_is_written_as_in_the_manual() -> None:
    """Project and group may be left to the submission."""
    spec = JobSpec(name="my-run", project="proj", group="exp")
    assert (spec.name, spec.project, spec.group) == ("my-run", "proj", "exp")
    assert JobSpec("n") == JobSpec("n", None, None)


def test_a_job_knows_its_place(tmp_path: Path) -> None:
    """A spec tells whether this process speaks for the run, and which hosts it has."""
    spec = spec_in(tmp_path)
    assert spec.is_main
    assert not spec_in(tmp_path, process_index=1).is_main
    assert [host.name for host in spec.hosts] == ["here"]
    assert spec.restart_count == 0


def test_a_result_has_a_place(tmp_path: Path) -> None:
    """A path for a result is inside the results directory and its parents are there."""
    path = spec_in(tmp_path).result_path("plots", "loss.png")
    assert path == tmp_path.resolve() / "results" / "plots" / "loss.png"
    assert path.parent.is_dir()
    assert not path.exists()


@pytest.mark.parametrize(
    "parts", [(), (".",), ("..",), ("a", "../.."), ("/etc/passwd",), ("link", "x")]
)
def test_a_result_stays_inside(tmp_path: Path, parts: tuple[str, ...]) -> None:
    """A path that leads out, by dots, from the root or by a link, is refused."""
    spec = spec_in(tmp_path)
    spec.results_dir.mkdir()
    (spec.results_dir / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="not inside the results directory"):
        spec.result_path(*parts)
