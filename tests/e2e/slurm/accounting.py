"""Accounting of a test cluster: mariadbd and slurmdbd, an account, qualities of service."""

import subprocess
from collections.abc import Sequence

from tests.e2e.slurm.processes import Program, Start, wait_for_start
from tests.e2e.slurm.site import CONTROLLER, USER, Site

PREPARE = """
create database slurm_accounting;
create user slurm@'127.0.0.1' identified by 'slurm';
grant all on slurm_accounting.* to slurm@'127.0.0.1';
"""
# the cluster first: without it slurmctld registers and knows no associations
RECORDS = (
    "add cluster theseus",
    "add qos long priority=10",
    "add account lab Description=lab Organization=lab",
    "add account course Description=course Organization=lab",
    f"add user {USER} Account=lab QOS=normal,long",
    f"add user {USER} Account=course Partition=cpu",
)


def start_accounting(site: Site, start: Start) -> None:
    """*start* the daemons of accounting and record the user's accounts."""
    _start_database(site, start)
    slurmdbd = start(CONTROLLER, ["/usr/sbin/slurmdbd", "-D"])
    wait_for_start(slurmdbd, lambda: _succeeds(slurmdbd, ["sacctmgr", "-n", "list", "cluster"]))
    for record in RECORDS:
        _run(slurmdbd, ["sacctmgr", "-iQ", *record.split()])


def _start_database(site: Site, start: Start) -> None:
    settings = f"--defaults-file={site.settings}/database.conf"
    data = site.folder / "database"
    install = ["mariadb-install-db", settings, "--user=mysql", "--skip-test-db"]
    install.append("--auth-root-authentication-method=normal")
    subprocess.run(install, check=True, capture_output=True)
    mariadbd = start(CONTROLLER, ["/usr/sbin/mariadbd", settings])
    client = ["mariadb", f"--socket={data}/socket", "--user=root", "--execute"]
    wait_for_start(mariadbd, lambda: _succeeds(mariadbd, [*client, "select 1"]))
    _run(mariadbd, [*client, PREPARE])


def _run(program: Program, command: Sequence[str]) -> None:
    subprocess.run([*program.entry, *command], check=True, capture_output=True)


def _succeeds(program: Program, command: Sequence[str]) -> bool:
    done = subprocess.run([*program.entry, *command], check=False, capture_output=True)
    return done.returncode == 0
