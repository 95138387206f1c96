"""The words that lead into a run."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.core.bash import spoken
from tests.core.test_strings import Given
from tests.strategies import any_word, paths
from theseus.core.plan.plan import Plan
from theseus.core.runs.enter import enter_argv

PLAN = Given().plan().unwrap()
SHOW = 'printf \'%s\\0\' "$run_dir" "$work" "${words[@]}"'


def reached(plan: Plan, ssh: str | None) -> Plan:
    """*plan* on a host that is reached as *ssh*."""
    return evolve(
        plan, target=evolve(plan.target, ssh=ssh, transport="local" if ssh is None else "auto")
    )


@given(paths(), paths(), st.lists(any_word, min_size=1))
def test_words_arrive(run_dir: str, work: str, command: list[str]) -> None:
    """The paths and every word of the command reach the script as they are, through ssh too."""
    plan = evolve(PLAN, paths=evolve(PLAN.paths, run=run_dir, work=work))
    here = enter_argv(reached(plan, None), command, SHOW, ("ssh", "-F", "config"), terminal=False)
    assert here[:2] == ["bash", "-c"]
    said = spoken(here[2])
    assert said[2:] == command
    *ssh, line = enter_argv(
        reached(plan, "box"), command, SHOW, ("ssh", "-F", "config"), terminal=False
    )
    assert ssh == ["ssh", "-F", "config", "-T", "--", "box"]
    assert spoken(line) == said


def test_any_login_shell() -> None:
    """What crosses a login shell has nothing that csh or fish read otherwise, in short words."""
    *_, line = enter_argv(
        reached(PLAN, "box"), ["x" * 5000], SHOW, ("ssh", "-F", "config"), terminal=True
    )
    fixed = """exec bash -c 'eval "$(printf %s "$@" | base64 -d)"' enter """
    assert line.startswith(fixed)
    pieces = line.removeprefix(fixed).split(" ")
    assert all(len(piece) <= 512 and piece.isascii() for piece in pieces)
    assert not set("".join(pieces)) & set("!$`\\'\"*?[]{}();&|<>#~\n")


def test_terminal() -> None:
    """Where there is a terminal the far side gets one."""
    assert (
        enter_argv(reached(PLAN, "box"), [], SHOW, ("ssh", "-F", "config"), terminal=True)[3]
        == "-t"
    )
