"""munge of a test cluster: how its daemons and commands know each other."""

from tests.e2e.slurm.processes import Start, wait_for_start
from tests.e2e.slurm.site import CONTROLLER, Site


def start_munge(site: Site, start: Start) -> None:
    """*start* one munged for all machines."""
    folder = site.folder / "munge"
    become = ["/usr/bin/setpriv", "--reuid", "munge", "--regid", "munge", "--clear-groups"]
    files = {
        "socket": folder / "socket",
        "key-file": folder / "key",
        "pid-file": folder / "pid",
        "seed-file": folder / "seed",
        "log-file": folder / "log",
    }
    options = [f"--{name}={path}" for name, path in files.items()]
    munged = start(CONTROLLER, [*become, "/usr/sbin/munged", "--foreground", *options])
    wait_for_start(munged, files["socket"].exists)
