"""Login: the authenticated connection of a host, opened once at the user's terminal, and closed."""

from theseus.effects.hosts.masters import (
    LOGIN_PERSIST,
    Master,
    Site,
    connect_options,
    live_master,
    look_up,
    opening,
)
from theseus.effects.hosts.pace import Budget
from theseus.effects.hosts.system_ssh import SystemSsh


async def open_login(ssh: SystemSsh, site: Site, budget: Budget) -> Master | int:
    """Theseus's connection to *site*, ssh asking what it must; its exit status when it fails."""
    master = Master(site.alias, site.own_socket(), own=True)
    async with opening(site, master):
        ssh.forget(master.socket)
        await budget.spend(site.alias)
        options = connect_options(site.settings, LOGIN_PERSIST)
        status = await ssh.log_in(master.socket, site.alias, options)
    return master if status == 0 else status


async def close_login(ssh: SystemSsh, host: str, alias: str) -> bool:
    """Close theseus's connection to *alias*; whether there was one. The user's own stays open."""
    site = await look_up(ssh, host, alias)
    master = await live_master(ssh, site.without_users_master())
    return master is not None and await ssh.close(master.socket, alias)
