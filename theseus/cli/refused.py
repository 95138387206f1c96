"""Refused: what is wrong, for commands that most often have nothing to report."""

from theseus.core.errors import PlanError


def refused(error: PlanError) -> int:
    """Say what is wrong; the exit status for it."""
    from theseus.cli.report import report  # noqa: PLC0415  imports all that can be wrong

    return report(error)
