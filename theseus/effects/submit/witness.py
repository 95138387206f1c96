"""Witness: who looks on while a plan is performed."""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, TypeAlias

from theseus.core.plan.plan import Plan
from theseus.core.values import frozen
from theseus.effects.perform.parcel import Watch, unwatched
from theseus.effects.perform.perform import Performer
from theseus.effects.submit.noted import Warn

Around: TypeAlias = Callable[[Plan, Performer], AbstractContextManager[Performer]]


def alone(_: Plan, performer: Performer) -> AbstractContextManager[Performer]:
    """*performer* itself."""
    return nullcontext(performer)


@frozen
class Witness:
    """Who is told of a submission as it goes.

    *warn* is told what goes wrong without stopping it, *watch* sees the source being sent, and
    *around* gives the performer that the plan is performed through.
    """

    warn: Warn = warnings.warn
    watch: Watch = unwatched
    around: Around = alone


UNATTENDED: Final = Witness()
