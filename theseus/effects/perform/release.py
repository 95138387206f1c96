"""Release: what this very theseus is, its version and the files it ships."""

from functools import cache

from theseus import __version__
from theseus.core.plan.placed import Release
from theseus.core.plan.steps import Packaged
from theseus.effects.perform.package import BATCH, BOOTSTRAP, RUNTIME, packaged_digest


@cache
def this_release() -> Release:
    """The release that is running."""
    return Release(
        __version__,
        bootstrap=Packaged(BOOTSTRAP, packaged_digest(BOOTSTRAP)),
        batch=Packaged(BATCH, packaged_digest(BATCH)),
        runtime=Packaged(RUNTIME, packaged_digest(RUNTIME)),
    )
