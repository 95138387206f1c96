"""The config a job is given."""

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theseus.base.config import Config

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
mappings = st.dictionaries(st.text(), values, max_size=5)


@given(mappings)
def test_nothing_is_lost(plain: dict[str, Any]) -> None:
    """What goes in comes out, as plain dictionaries and lists, also through JSON and pickle."""
    config = Config(plain)
    assert config.to_dict() == plain
    assert json.loads(json.dumps(config.to_dict())) == plain
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 - our own bytes
    assert copy.deepcopy(config) == config == Config(config) == plain
    assert hash(config) == hash(Config(plain))
    assert list(config) == list(plain)
    assert len(config) == len(plain)


@given(mappings)
def test_a_plain_copy_may_be_changed(plain: dict[str, Any]) -> None:
    """Changing what `to_dict` gives, or what the config was made of, changes no config."""
    config = Config(plain)
    before = copy.deepcopy(plain)
    config.to_dict().clear()
    plain.clear()
    assert config == before


def test_keys_are_attributes() -> None:
    """A nested value is reached by attributes and by items alike."""
    cfg = Config({"optim": {"lr": 0.1, "betas": [0.9, 0.99]}, "items": 3})
    assert cfg.optim.lr == cfg["optim"]["lr"] == 0.1
    assert cfg.optim.betas == (0.9, 0.99)
    assert cfg["items"] == 3
    assert cfg.get("none") is None
    assert "optim" in dir(cfg)
    assert repr(cfg) == "Config({'optim': {'lr': 0.1, 'betas': [0.9, 0.99]}, 'items': 3})"


@pytest.mark.parametrize(
    ("key", "advice"),
    [("lrs", "did you mean lr?"), ("zzz", "it has lr, steps")],
)
def test_a_missing_attribute_names_the_nearest_keys(key: str, advice: str) -> None:
    """An attribute that is not there is answered with those that are."""
    with pytest.raises(AttributeError, match=f"no key '{key}'; {advice}") as caught:
        getattr(Config({"lr": 1, "steps": 2}), key)
    assert caught.value.__cause__ is None


def test_an_empty_config_says_so() -> None:
    """An attribute of an empty config is answered plainly."""
    with pytest.raises(AttributeError, match="it is empty"):
        _ = Config({}).lr


def test_a_missing_item_is_a_key_error() -> None:
    """Item access fails as that of a dictionary does."""
    with pytest.raises(KeyError):
        _ = Config({})["lr"]


def test_a_config_cannot_be_changed() -> None:
    """Neither an old nor a new key can be set or deleted."""
    cfg = Config({"lr": 1})
    with pytest.raises(AttributeError, match="cannot be changed"):
        cfg.lr = 2
    with pytest.raises(AttributeError, match="cannot be changed"):
        del cfg.lr
    assert cfg == {"lr": 1}
    assert cfg != 1


def test_keys_are_text_as_in_json() -> None:
    """A key that is a number or a truth value becomes what JSON makes of it."""
    plain = {1: "a", False: "b", None: {2.5: "c"}}
    assert Config(plain) == json.loads(json.dumps(plain))
