"""A submission that is cut short, by Ctrl-C, while it is under way."""

import asyncio
from pathlib import Path
from typing import NoReturn

import pytest

from tests.effects.ledger_writer import a_plan
from theseus.effects.submit.noted import noted, noted_batch

RUNS = ("20261124-135201-gh76zx", "20261124-135201-k7f2qx")


@pytest.mark.parametrize("number", [1, 2])
def test_cut_short(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waited for the answer: it is said how to find out what became of the runs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    plans, said = [a_plan(run) for run in RUNS[:number]], list[str]()

    async def main() -> None:
        async def never() -> NoReturn:
            asyncio.get_running_loop().call_soon(task.cancel)
            await asyncio.Event().wait()
            raise AssertionError

        act = (
            noted_batch(plans, None, said.append, never)
            if number > 1
            else noted(plans[0], None, said.append, never)
        )
        task = asyncio.ensure_future(act)
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    runs, word = (f"run {RUNS[0]}", RUNS[0]) if number == 1 else ("some of the 2 runs", "RUN")
    assert said == [f"{runs} may have been submitted: `theseus recover {word}` finds out"]
