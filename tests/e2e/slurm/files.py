"""The folder of a test cluster, written before anything starts: settings, keys, GPUs, homes."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

from tests.e2e.slurm import configuration
from tests.e2e.slurm.site import MACHINES, NODES, Site

FOLDERS = ("etc", "gpu", "home", "log", "scratch", "scratches", "spool", "ssh", "state", "true-etc")


def write_files(site: Site, extra: str = "") -> None:
    """Write everything that the machines of *site* read; *extra* are lines for slurm.conf."""
    for name in FOLDERS:
        (site.folder / name).mkdir()
    for machine in MACHINES:
        scratch = site.folder / "scratches" / machine
        scratch.mkdir()
        scratch.chmod(0o1777)
    for node in NODES:
        (site.folder / "spool" / node).mkdir()
    _write_configuration(site, extra)
    _make_gpus(site.folder / "gpu")
    _make_munge_key(site.folder / "munge")
    for folder in (site.home, site.folder / "shared"):
        folder.mkdir()
        os.chown(folder, site.user_id, site.user_id)
    site.home.chmod(0o700)
    _make_ssh_keys(site)


def _write_configuration(site: Site, extra: str) -> None:
    etc = site.folder / "etc"
    for name, text in configuration.etc_files(site, Path("/etc")).items():
        (etc / name).write_text(text)
    site.settings.mkdir()
    for entry in Path("/etc").iterdir():
        if not (etc / entry.name).exists():
            (etc / entry.name).symlink_to(site.folder / "true-etc" / entry.name)
    (site.settings / "slurm.conf").write_text(configuration.slurm_conf(site, extra))
    (site.settings / "gres.conf").write_text(configuration.gres_conf(site))
    (site.folder / "ssh" / "sshd_config").write_text(configuration.sshd_config(site))
    if site.accounting:
        settings = site.settings / "slurmdbd.conf"
        settings.write_text(configuration.slurmdbd_conf(site))
        settings.chmod(0o600)
        (site.settings / "database.conf").write_text(configuration.database_conf(site))


def _make_gpus(folder: Path) -> None:
    for index in range(8):  # the digit at the end is the index in CUDA_VISIBLE_DEVICES
        device = folder / f"nvidia{index}"
        os.mknod(device, 0o666 | stat.S_IFCHR, Path("/dev/null").stat().st_rdev)
        device.chmod(0o666)


def _make_munge_key(folder: Path) -> None:
    folder.mkdir()
    key = folder / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    for path in (folder, key):
        shutil.chown(path, "munge", "munge")


def _make_ssh_keys(site: Site) -> None:
    client = site.client_home / ".ssh"
    client.mkdir(parents=True, mode=0o700)
    server = site.folder / "ssh"
    for key in (server / "host_key", client / "id_ed25519"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)]
        subprocess.run(make, check=True)
    shutil.copy(client / "id_ed25519.pub", server / "authorized_keys")
    host_key = (server / "host_key.pub").read_text()
    (client / "known_hosts").write_text(f"[127.0.0.1]:{site.ssh_port} {host_key}")
    (client / "config").write_text(configuration.ssh_config(site))
