"""Login: the authenticated connection of a host, opened once at the user's terminal, and closed."""

from theseus.effects.masters import (
    LOGIN_PERSIST,
    Master,
    Site,
    connect_options,
    live_master,
    look_up,
    opening,
)
from theseus.effects.pace import Budget
from theseus.effects.system_ssh import LOST, SystemSsh


async def open_login(ssh: SystemSsh, site: Site, budget: Budget) -> Master | int:
    """Theseus's connection to *site*, ssh asking what it must; its exit status when it fails."""
    master = Master(site.alias, site.own_socket(), own=True)
    async with opening(master):
        ssh.forget(master.socket)
        await budget.spend(site.alias)
        options = connect_options(site.settings, LOGIN_PERSIST)
        status = await ssh.log_in(master.socket, site.alias, options)
        # ssh returns while what stays behind still has the terminal, whose end would end it too;
        # when that answers, it has let go
        live = status == 0 and await ssh.is_live(master.socket, site.alias)
    return master if live else status or LOST


async def close_login(ssh: SystemSsh, host: str, alias: str) -> bool:
    """Close theseus's connection to *alias*; whether there was one. The user's own stays open."""
    site = await look_up(ssh, host, alias)
    master = await live_master(ssh, site.without_users_master())
    return master is not None and await ssh.close(master.socket, alias)
