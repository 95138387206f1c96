"""Config secrets: a password that stands in the dispatch config, read when a plan is performed.

Nothing but the password leaves this module, and no message repeats what stands around it.
"""

from collections.abc import Mapping
from typing import Any

from returns.pipeline import is_successful

from theseus.core.config.decode import plain_text
from theseus.core.config.juicefs import password_in
from theseus.core.config.mount import cluster_of
from theseus.core.config.secrets import ConfigSecret, describe
from theseus.core.error_text import explain
from theseus.core.plan.outcome import NothingToSend
from theseus.effects.perform.parcel import SupplyError
from theseus.effects.reading.interpolation import holds_interpolation, resolve
from theseus.effects.reading.load import read_text
from theseus.effects.reading.yaml_text import DispatchLoader, parse


def config_secret(reference: ConfigSecret) -> str:
    """The password inside the mount that *reference* points at; SupplyError when it is gone."""
    url = plain_text(_mount_in(_data(reference), cluster_of(reference)))
    password = None if url is None else password_in(url)
    if password is None:
        raise _missing(reference, "holds no password any more")
    return password


def _data(reference: ConfigSecret) -> object:
    text = read_text("dispatch config", reference.path, "")
    if not is_successful(text):
        raise _missing(reference, f"cannot be read ({explain(text.failure())})")
    data = parse(text.unwrap(), DispatchLoader)
    if not is_successful(data):
        raise _missing(reference, "cannot be read: the file is no YAML any more")
    value = data.unwrap()
    if not holds_interpolation(str(_mount_in(value, cluster_of(reference)))):
        return value
    resolved = resolve({"clusters": value["clusters"]})
    return resolved.unwrap() if is_successful(resolved) else None


def _mount_in(data: Any, cluster: str) -> object:  # noqa: ANN401  plain data of any shape
    for key in ("clusters", cluster, "mount"):
        data = data.get(key) if isinstance(data, Mapping) else None
    found: object = data
    return found


def _missing(reference: ConfigSecret, problem: str) -> SupplyError:
    what = f"the password of {describe(reference)} {problem}"
    return SupplyError(NothingToSend(what, "put it back, or make the plan again"))
