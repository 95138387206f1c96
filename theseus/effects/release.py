"""Release: what this very theseus is, its version and the files it ships."""

from functools import cache

from theseus import __version__
from theseus.core.build import Release
from theseus.core.steps import Packaged
from theseus.effects.package import BOOTSTRAP, RUNTIME, packaged_digest


@cache
def this_release() -> Release:
    """The release that is running."""
    return Release(
        __version__,
        bootstrap=Packaged(BOOTSTRAP, packaged_digest(BOOTSTRAP)),
        runtime=Packaged(RUNTIME, packaged_digest(RUNTIME)),
    )
