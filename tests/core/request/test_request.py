"""Hardware resolution: the rules of the specification, for every request."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from theseus.base.chip import SUPPORTED_CHIPS
from theseus.core.config.decode import Problem
from theseus.core.request.request import AskedByFlags, BadFlag, BadKey, resolve_request

CLUSTERS = ("lab", "hpc")
_CHIPS = st.none() | st.sampled_from(["h100", "l4", "cpu", "potato"])
_COUNTS = st.none() | st.integers(-2, 4)


def job_config(chip: str | None, min_chips: int | None) -> dict[str, Any]:
    """A job config whose `request` says these."""
    section = {"chip": chip, "min_chips": min_chips}
    return {"request": {key: value for key, value in section.items() if value is not None}}


@given(_CHIPS, _CHIPS, _COUNTS, _COUNTS)
def test_chip_and_count(
    flag: str | None, key: str | None, flag_count: int | None, key_count: int | None
) -> None:
    """Flag over YAML over default; 0 clears the chip; what is unknown or negative is refused."""
    flags = AskedByFlags(chip=flag, n_chips=flag_count)
    resolved = resolve_request(flags, job_config(key, key_count), CLUSTERS)
    chip = key if flag is None else flag
    said = [count for count in (flag_count, key_count) if count is not None]
    count = said[0] if said else 1
    fine = count >= 0 and chip != "potato" and not (chip == "cpu" and count)
    assert is_successful(resolved) == fine
    if fine:
        request = resolved.unwrap()
        assert request.min_chips == count
        assert request.chip == (SUPPORTED_CHIPS[chip] if chip is not None and count else None)
        assert request.mode == ("cpu" if not count else "generic" if chip is None else "typed")


@given(
    st.lists(st.sampled_from([*CLUSTERS, "moon"]), unique=True),
    st.lists(st.sampled_from([*CLUSTERS, "moon"]), unique=True),
)
def test_clusters(preferred: list[str], forbidden: list[str]) -> None:
    """Clusters are known, and not in both lists; every one that is wrong is said."""
    flags = AskedByFlags(cluster=tuple(preferred), exclude_cluster=tuple(forbidden))
    resolved = resolve_request(flags, {}, CLUSTERS)
    overlap = set(preferred) & set(forbidden)
    unknown = [name for name in (*preferred, *forbidden) if name not in CLUSTERS]
    if overlap or unknown:
        assert len(resolved.failure()) == len(overlap) + len(unknown)
    else:
        assert resolved.unwrap().preferred_clusters == tuple(preferred)
        assert resolved.unwrap().forbidden_clusters == tuple(forbidden)


def test_quantities() -> None:
    """Flags go over the YAML for mem, time and n_shards."""
    config = {"request": {"mem": "64G", "time": "1h", "n_shards": 2}}
    of_yaml = resolve_request(AskedByFlags(), config, ()).unwrap()
    assert (of_yaml.mem, of_yaml.time, of_yaml.n_shards) == (2**36, 60, 2)
    flags = AskedByFlags(mem="1G", time="2h", n_shards=4, nodes=2, cpus=3)
    of_flags = resolve_request(flags, config, ()).unwrap()
    assert (of_flags.mem, of_flags.time, of_flags.n_shards) == (2**30, 120, 4)
    assert (of_flags.nodes, of_flags.cpus) == (2, 3)


def test_flags_take_the_place_of_keys() -> None:
    """A key that a flag goes over is not looked at; those that no flag is for are."""
    section = {"chip": "potato", "min_chips": -1, "n_shards": 0, "mem": [], "time": "x"}
    flags = AskedByFlags(chip="h100", n_chips=2, n_shards=2, mem="1G", time="1h")
    assert resolve_request(flags, {"request": section}, ()).unwrap().min_chips == 2
    (problem,) = resolve_request(flags, {"request": {**section, "cluster": 1}}, ()).failure()
    assert isinstance(problem, BadKey)
    assert problem.problem.path == ("request", "cluster")


def test_no_request() -> None:
    """A job config without `request`, or with an empty one, asks for one chip of any kind."""
    assert resolve_request(AskedByFlags(), {}, ()) == resolve_request(
        AskedByFlags(), {"request": None}, ()
    )


def test_all_problems_at_once() -> None:
    """Wrong flags and wrong keys are said together, each with its place."""
    flags = AskedByFlags(mem="x", n_chips=-1, cpus=0, cluster=("moon",))
    problems = resolve_request(flags, {"request": {"chip": "h100", "time": []}}, ()).failure()
    assert {problem.flag for problem in problems if isinstance(problem, BadFlag)} == {
        *("--mem", "--n_chips", "--cpus", "--cluster")
    }
    (key,) = (problem for problem in problems if isinstance(problem, BadKey))
    assert key.problem == Problem(
        ("request", "time"),
        "expected a time such as 90m, 12h, 2d, 12:00:00 or 1-06:00:00, got a list",
    )
