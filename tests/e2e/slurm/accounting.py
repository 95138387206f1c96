"""Accounting of a test cluster: mariadbd and slurmdbd, an account, qualities of service."""

import subprocess

from tests.e2e.slurm.processes import Start, wait_for_start
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
    wait_for_start(
        slurmdbd, lambda: slurmdbd.run(["sacctmgr", "-n", "list", "cluster"]).returncode == 0
    )
    for record in RECORDS:
        slurmdbd.run(["sacctmgr", "-iQ", *record.split()]).check_returncode()


def _start_database(site: Site, start: Start) -> None:
    settings = f"--defaults-file={site.settings}/database.conf"
    data = site.folder / "database"
    install = ["mariadb-install-db", settings, "--user=mysql", "--skip-test-db"]
    install.append("--auth-root-authentication-method=normal")
    subprocess.run(install, check=True, capture_output=True)
    mariadbd = start(CONTROLLER, ["/usr/sbin/mariadbd", settings])
    client = ["mariadb", f"--socket={data}/socket", "--user=root", "--execute"]
    wait_for_start(mariadbd, lambda: mariadbd.run([*client, "select 1"]).returncode == 0)
    mariadbd.run([*client, PREPARE]).check_returncode()
