"""A test cluster by hand: `python -m tests.e2e.slurm [--accounting]` until it is interrupted."""

import signal
import sys

from tests.e2e.slurm.cluster import running_cluster
from tests.e2e.slurm.requirements import missing

if __name__ == "__main__":
    accounting = "--accounting" in sys.argv[1:]
    if reason := missing(accounting=accounting):
        sys.exit(reason)
    with running_cluster(accounting=accounting) as cluster:
        sys.stdout.write(f"HOME={cluster.client_home} theseus hosts …\n")
        sys.stdout.write(f"ssh -F {cluster.ssh_config} slurm\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
