"""Run ids, as `--after` names them."""

import pytest

from theseus.core.request.after import run_dir_of, run_id_problem


def test_run_id() -> None:
    """A run id is a date, a time and six letters or digits."""
    assert run_id_problem("20261124-131501-k7f2qx") is None


@pytest.mark.parametrize(
    "text", ["", "my-run", "20261124-131501-K7F2QX", "20261124-131501-k7f2qx\n"]
)
def test_no_run_id(text: str) -> None:
    """Anything else is refused, and quoted."""
    assert repr(text) in (run_id_problem(text) or "")


def test_run_directory() -> None:
    """The run directory lies beneath the share."""
    assert run_dir_of("/share", "id") == "/share/runs/id"
