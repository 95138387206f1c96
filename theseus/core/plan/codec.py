"""Codec: plans as JSON and back to an equal value.

The top-level keys `run target allocation trace source steps` and what lies in them are a contract.
A text that is no plan, or a plan of another schema version, is refused with what is wrong.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

from cattrs import Converter, transform_error
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn
from cattrs.strategies import configure_tagged_union
from returns.result import Failure, Result, Success

from theseus.base.chip import SUPPORTED_CHIPS, Chip
from theseus.base.hardware import HardwareRequest
from theseus.core.config.secrets import EnvironmentSecret, SecretReference
from theseus.core.inventory.inventory import HostSnapshot
from theseus.core.plan.outcome import Outcome, PerformError
from theseus.core.plan.plan import SCHEMA_VERSION, NotAPlan, OtherVersion, Plan, Target
from theseus.core.plan.steps import Content, Launch, Step, Submit
from theseus.core.solve.verdict import Allocation
from theseus.core.source.source import SourceWarning
from theseus.core.text.json_text import json_text
from theseus.core.values import frozen


@cache
def converter() -> Converter:
    """The converter of everything a plan holds."""
    return new_converter()


def new_converter() -> Converter:
    """One like `converter()`, for who adds to it."""
    made = Converter(forbid_extra_keys=True)
    for union, tag in (
        # what is inside comes first: hooks of the outer are made when it is registered
        (SecretReference, "from"),
        (Content, "from"),
        (Step, "step"),
        (SourceWarning, "warning"),
        (Outcome, "outcome"),
        (PerformError, "error"),
        (HostSnapshot, "snapshot"),
    ):
        tag_union(made, union, tag)
    for kind in (str, int, bool):
        made.register_structure_hook(kind, _exactly(kind))
    made.register_structure_hook(str | EnvironmentSecret, _part(made))
    made.register_unstructure_hook(Chip, lambda chip: chip.name)
    made.register_structure_hook(Chip, lambda name, _: SUPPORTED_CHIPS[name])
    fields_of = make_dict_unstructure_fn(Allocation, made)
    made.register_unstructure_hook(
        Allocation,
        lambda allocation: {**fields_of(allocation), "total_chips": allocation.total_chips},
    )
    made.register_structure_hook(Allocation, _allocation(made))
    made.register_unstructure_hook(
        Target, make_dict_unstructure_fn(Target, made, _cattrs_omit_if_default=True)
    )
    made.register_unstructure_hook(HardwareRequest, _request_data)
    made.register_structure_hook(HardwareRequest, _request)
    return made


def tag_union(made: Converter, union: Any, tag: str) -> None:  # noqa: ANN401  types have no common type
    """Have *made* write and read values of *union* with their class's name under the key *tag*."""
    configure_tagged_union(union, cast("Converter", _Later(made)), tag_name=tag)


@frozen
class _Later:
    """A converter that makes the code for a class when a value of it comes.

    A submission writes a plan and reads none: code for both, for all classes, takes 20 ms.
    """

    made: Converter

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  all else is the converter's own
        return getattr(self.made, name)

    def get_structure_hook(self, _: type) -> Any:  # noqa: ANN401  cattrs' hooks are untyped
        return self.made.structure

    def get_unstructure_hook(self, cls: type) -> Any:  # noqa: ANN401  cattrs' hooks are untyped
        return lambda value: self.made.unstructure(value, cls)


def plan_data(plan: Plan) -> dict[str, Any]:
    """*plan* as plain data."""
    data: dict[str, Any] = converter().unstructure(plan)
    return data


def plan_json(plan: Plan) -> str:
    """*plan* as the text of a JSON file."""
    return json_text(plan_data(plan))


def read_plan(data: object) -> Result[Plan, NotAPlan | OtherVersion]:
    """The plan in plain *data*."""
    if not isinstance(data, Mapping) or "version" not in data:
        return Failure(NotAPlan(("it has no key 'version'",)))
    if data["version"] != SCHEMA_VERSION:
        return Failure(OtherVersion(data["version"], SCHEMA_VERSION))
    try:
        plan = converter().structure(data, Plan)
    except Exception as error:  # noqa: BLE001  cattrs raises whatever a class's own checks raise
        return Failure(NotAPlan(tuple(transform_error(error, path="plan"))))
    problems = tuple(_inconsistencies(plan))
    return Failure(NotAPlan(problems)) if problems else Success(plan)


def _inconsistencies(plan: Plan) -> Iterator[str]:
    """In what a plan that was edited by hand contradicts itself."""
    target = plan.target
    if not plan.steps or not isinstance(plan.steps[-1], Launch | Submit):
        yield "its last step starts nothing"
    if any(step.host != target.host for step in plan.steps):
        yield f"it has steps on other hosts than its target {target.host!r}"
    if (target.ssh is None) and target.transport != "local":
        yield "its target has no `ssh`, and is not this machine either"
    if not plan.paths.run.endswith(f"/{plan.run.id}"):
        yield "its run directory is that of another run"
    if not plan.trace:
        yield "its trace is empty"


def _exactly(kind: type) -> Any:  # noqa: ANN401  cattrs' hooks are untyped
    """A hook that takes a *kind* and coerces nothing: `"false"` is not true."""

    def hook(value: object, _: object) -> Any:  # noqa: ANN401  it gives a value of *kind*, which is known at run time alone
        if type(value) is kind:
            return value
        raise TypeError(f"expected {kind.__name__}, got {value!r}")

    return hook


def _part(made: Converter) -> Any:  # noqa: ANN401  cattrs' hooks are untyped
    def hook(value: object, _: object) -> str | EnvironmentSecret:
        return value if isinstance(value, str) else made.structure(value, EnvironmentSecret)

    return hook


def _allocation(made: Converter) -> Any:  # noqa: ANN401  cattrs' hooks are untyped
    plain = make_dict_structure_fn(Allocation, made, _cattrs_forbid_extra_keys=True)

    def hook(value: Mapping[str, Any], cls: type[Allocation]) -> Allocation:
        own = {key: item for key, item in value.items() if key != "total_chips"}
        allocation = plain(own, cls)
        if value.get("total_chips") != allocation.total_chips:
            raise ValueError("total_chips is not nodes times chips_per_node")
        return allocation

    return hook


def _request_data(request: HardwareRequest) -> dict[str, Any]:
    return {
        "chip": None if request.chip is None else request.chip.name,
        "min_chips": request.min_chips,
        "preferred_clusters": list(request.preferred_clusters),
        "forbidden_clusters": list(request.forbidden_clusters),
        **{
            name: getattr(request, name)
            for name in ("n_shards", "mem", "time", "nodes", "cpus", "queue")
        },
    }


def _request(value: Mapping[str, Any], _: object) -> HardwareRequest:
    chip = value["chip"]
    rest = {key: item for key, item in value.items() if key != "chip"}
    return HardwareRequest(chip=None if chip is None else SUPPORTED_CHIPS[chip], **rest)
