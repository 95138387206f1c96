"""Config classes: their defaults, what departs from them, and instances of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Literal, Optional, Tuple, Union  # noqa: UP035 - users write annotations so, and they are read here

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.base.config import Config
from theseus.base.conformity import build_config, check_config
from theseus.base.schema import config_defaults, config_fields, is_config_class

if TYPE_CHECKING:
    from theseus.base.chip import Chip


@attrs.frozen
class Optim:
    """An attrs class with a private attribute, a factory and a computed default."""

    lr: float
    betas: tuple[float, float] = (0.9, 0.99)
    _seed: int = 0
    names: list[str] = attrs.Factory(list)
    warmup: float = attrs.Factory(lambda self: self.lr / 10, takes_self=True)
    hidden: int = attrs.field(init=False, default=1)


@attrs.define
class Loose:
    """An attrs class without annotations."""

    untyped = attrs.field(default=None)  # type: ignore[var-annotated] # a field without annotation is the case


@dataclass
class Data:
    """A dataclass whose fields all have defaults."""

    path: Path = Path("corpus.txt")
    split: Literal["train", "valid"] = "train"


@dataclass
class Train:
    """A dataclass that holds others, with annotations in every spelling."""

    optim: Optim
    steps: int
    data: Data = dataclasses.field(default_factory=Data)
    name: str = "x"
    resume: bool = False
    limit: Optional[int] = None  # noqa: UP045 - users write annotations so, and they are read here
    rate: int | float = 1
    layers: Tuple[int, ...] = (1, 2)  # noqa: UP006 - users write annotations so, and they are read here
    tags: List[str] = dataclasses.field(default_factory=list)  # noqa: UP006 - users write annotations so, and they are read here
    extra: Dict[str, float] = dataclasses.field(default_factory=dict)  # noqa: UP006 - users write annotations so, and they are read here
    other: Union[Data, None] = None  # noqa: UP007 - users write annotations so, and they are read here
    anything: Any = None
    free: dict = dataclasses.field(default_factory=dict)  # type: ignore[type-arg] # users write annotations so, and they are read here
    bare: tuple = ()  # type: ignore[type-arg] # users write annotations so, and they are read here
    chip: Chip | None = None
    nothing: None = None
    computed: int = dataclasses.field(init=False, default=0)


GOOD: dict[str, Any] = {"optim": {"lr": 0.1}, "steps": 3}


def test_defaults_are_written_nested() -> None:
    """Every field is there with plain data, and "???" where a value must be given."""
    assert config_defaults(Train) == {
        "optim": {"lr": "???", "betas": [0.9, 0.99], "seed": 0, "names": []},
        "steps": "???",
        "data": {"path": "corpus.txt", "split": "train"},
        "name": "x",
        "resume": False,
        "limit": None,
        "rate": 1,
        "layers": [1, 2],
        "tags": [],
        "extra": {},
        "other": None,
        "anything": None,
        "free": {},
        "bare": [],
        "chip": None,
        "nothing": None,
    }


def test_a_default_may_be_an_attrs_instance() -> None:
    """An instance is written field by field, private ones by the name its constructor takes."""

    @dataclass
    class Holder:
        optim: Optim = dataclasses.field(default_factory=lambda: Optim(1.0, seed=3))

    written = config_defaults(Holder)["optim"]
    assert (written["seed"], written["warmup"]) == (3, 0.1)


def test_config_classes_are_dataclasses_and_attrs_classes() -> None:
    """Instances, other classes and functions are none."""
    assert is_config_class(Train)
    assert is_config_class(Optim)
    assert not any(map(is_config_class, (int, Data(), len, "Train")))


def test_an_annotation_that_cannot_be_told_takes_anything() -> None:
    """A name imported for type checkers only hinders no job."""
    (chip,) = (field for field in config_fields(Train) if field.name == "chip")
    assert chip.annotation is Any
    assert check_config(Train, {**GOOD, "chip": 3}) == []


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"job": "a/b", "request": {"chip": "h100"}},
        {"optim": {"lr": 1, "betas": [0, 1.5], "seed": 4, "names": ["a"], "warmup": 2}},
        {"limit": 5, "rate": 0.5, "layers": [], "tags": ["a"], "extra": {"a": 1}},
        {"other": {"split": "valid"}, "data": {"path": "x"}, "anything": [{}], "free": {"a": []}},
        {"bare": ["a", 1], "nothing": None},
    ],
)
def test_a_fitting_config_has_no_problem(change: dict[str, Any]) -> None:
    """What a class allows is allowed, and `job` and `request` are theseus's."""
    assert check_config(Train, {**GOOD, **change}) == []
    assert check_config(Train, Config({**GOOD, **change})) == []


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"step": 1}, ["step: unknown key; did you mean steps?"]),
        (
            {"optim": {"lr": 1.0, "qqq": 1}},
            ["optim.qqq: unknown key; known: lr, betas, seed, names, warmup"],
        ),
        ({"optim": {}}, ["optim.lr: missing, expected float"]),
        ({"optim": "???"}, ["optim.lr: missing, expected float"]),
        ({"steps": "???"}, ["steps: missing, expected int"]),
        ({"optim": 3}, ["optim: expected Optim, got int 3"]),
        ({"steps": True}, ["steps: expected int, got bool True"]),
        ({"steps": 1.0}, ["steps: expected int, got float 1.0"]),
        ({"optim": {"lr": "fast"}}, ["optim.lr: expected float, got str 'fast'"]),
        ({"optim": {"lr": True}}, ["optim.lr: expected float, got bool True"]),
        ({"name": 3}, ["name: expected str, got int 3"]),
        ({"resume": 1}, ["resume: expected bool, got int 1"]),
        ({"limit": "a"}, ["limit: expected Optional[int], got str 'a'"]),
        ({"rate": "a"}, ["rate: expected int | float, got str 'a'"]),
        ({"layers": 3}, ["layers: expected Tuple[int, ...], got int 3"]),
        ({"layers": [1, "a"]}, ["layers[1]: expected int, got str 'a'"]),
        ({"tags": "abc"}, ["tags: expected List[str], got str 'abc'"]),
        ({"extra": {"a": "b"}}, ["extra.a: expected float, got str 'b'"]),
        ({"extra": []}, ["extra: expected Dict[str, float], got list []"]),
        (
            {"optim": {"lr": 1.0, "betas": [1.0]}},
            ["optim.betas: expected tuple[float, float], got list [1.0]"],
        ),
        ({"other": {"spit": 1}}, ["other.spit: unknown key; did you mean split?"]),
        (
            {"data": {"split": "test"}},
            ["data.split: expected Literal['train', 'valid'], got str 'test'"],
        ),
        ({"data": {"path": 3}}, ["data.path: expected Path, got int 3"]),
        ({"nothing": 3}, ["nothing: expected NoneType, got int 3"]),
        (
            {"name": None, "steps": "a"},
            ["steps: expected int, got str 'a'", "name: expected str, got NoneType None"],
        ),
    ],
)
def test_every_departure_is_named(change: dict[str, Any], problems: list[str]) -> None:
    """Each problem has its path, what was expected and what was there; all come at once."""
    assert check_config(Train, {**GOOD, **change}) == problems


def test_a_field_without_annotation_takes_anything() -> None:
    """What a class does not say is not checked."""
    assert config_defaults(Loose) == {"untyped": None}
    assert build_config(Loose, {"untyped": [1]}) == Loose([1])


def test_a_class_without_fields_knows_no_key() -> None:
    """An empty class refuses every key plainly."""

    @dataclass
    class Empty:
        pass

    assert check_config(Empty, {"a": 1}) == ["a: unknown key; known: none"]


def test_an_instance_has_the_types_of_its_class() -> None:
    """Nested classes, tuples, paths and floats are made of what YAML gives."""
    config = {
        "job": "a/b",
        "optim": {"lr": 1, "betas": [0, 1], "seed": 3},
        "steps": 2,
        "data": {"path": "x.txt"},
        "layers": [3],
        "extra": {"a": 1},
        "other": {"split": "valid"},
        "anything": [1, {"a": 2}],
    }
    built = build_config(Train, config)
    assert isinstance(built, Train)
    assert built.optim == Optim(lr=1.0, betas=(0.0, 1.0), seed=3)
    assert type(built.optim.lr) is float
    assert built.data == Data(path=Path("x.txt"))
    assert (built.layers, built.extra, built.other) == ((3,), {"a": 1.0}, Data(split="valid"))
    assert built.anything == [1, {"a": 2}]


def test_a_wrong_config_makes_no_instance() -> None:
    """All problems are in the error, a line for each."""
    with pytest.raises(ValueError, match=r"optim.lr: missing, expected float\nsteps: missing"):
        build_config(Train, {})


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["lr", "split"]), inner)
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([field.name for field in config_fields(Train)]), plain))
def test_what_passes_the_check_can_be_built(change: Mapping[str, Any]) -> None:
    """For any data, the check finds problems or the class accepts it."""
    config = {**GOOD, **change}
    if not check_config(Train, config):
        assert isinstance(build_config(Train, config), Train)
