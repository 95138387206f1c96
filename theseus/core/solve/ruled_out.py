"""Ruled out: hosts that are out of the question, whatever they would answer."""

from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import DispatchConfig
from theseus.core.solve.verdict import Forbidden, NotPreferred


def ruled_out(
    config: DispatchConfig, name: str, request: HardwareRequest
) -> NotPreferred | Forbidden | None:
    """Why a host is out of the question before it is asked, or None."""
    host = config.hosts[name]
    if host.cluster in request.forbidden_clusters:
        return Forbidden(host.cluster)
    if request.preferred_clusters and host.cluster not in request.preferred_clusters:
        return NotPreferred(host.cluster)
    return None
