"""The configuration texts of a test cluster: pure functions of its site."""

from collections.abc import Mapping
from pathlib import Path

from tests.e2e.slurm.site import CONTROLLER, MACHINES, NODES, USER, Site

PARTITIONS = """\
PartitionName=DEFAULT DefaultTime=01:00:00 DefMemPerCPU=1000 PriorityTier=10 PreemptMode=OFF
PartitionName=cpu Nodes=cpu[1-2] MaxTime=1-00:00:00
PartitionName=DEFAULT Nodes=gpu[1-4]
PartitionName=gpu Default=YES MaxTime=2-00:00:00
PartitionName=gpu-short DefaultTime=00:05:00 MaxTime=00:10:00 MaxNodes=1
PartitionName=gpu-preempt MaxTime=7-00:00:00 PriorityTier=1 PreemptMode=REQUEUE
PartitionName=gpu-cancel MaxTime=7-00:00:00 PriorityTier=1 PreemptMode=CANCEL"""


def slurm_conf(site: Site, extra: str = "") -> str:
    """The slurm.conf: short timers, nodes larger than this machine, *extra* lines at the end."""
    folder = site.folder
    return f"""\
ClusterName=theseus
SlurmctldHost={CONTROLLER}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# cred_expire is also how long a requeued job waits before it may start again: 120 s by default
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={site.controller_port}
SlurmctldPidFile={folder}/state/slurmctld.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdPidFile={folder}/state/%n.pid
SlurmdLogFile={folder}/log/%n.log
SlurmdSpoolDir={folder}/spool/%n
StateSaveLocation={folder}/state
# believe this file about the hardware
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
# a node that was lost comes back when it registers; one that was set down stays down
ReturnToService=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,sched_min_interval=0,bf_interval=2,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=10
BatchStartTimeout=10
CompleteWait=0
InactiveLimit=0
MinJobAge=300
SlurmctldTimeout=30
SlurmdTimeout=10
{_accounting(site)}
{_nodes(site)}
{PARTITIONS}
{extra}
"""


def _accounting(site: Site) -> str:
    if not site.accounting:
        return (
            "AccountingStorageType=accounting_storage/none\nJobAcctGatherType=jobacct_gather/none"
        )
    return f"""\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={site.accounting_port}
AccountingStoragePass={site.folder}/munge/socket
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu,gres/gpu:h100_80gb,gres/gpu:a100_80g
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=10"""


def _nodes(site: Site) -> str:
    gpu = "CPUs=64 Sockets=2 CoresPerSocket=32"
    kinds: Mapping[str, str] = {
        "gpu1": f"{gpu} RealMemory=512000 Gres=gpu:h100_80gb:8 Feature=h100,sm90,ib",
        "gpu3": f"{gpu} RealMemory=256000 Gres=gpu:a100_80g:8 Feature=a100,sm80",
        "cpu1": "CPUs=32 CoresPerSocket=32 RealMemory=128000 Feature=epyc",
    }
    kinds = {**kinds, "gpu2": kinds["gpu1"], "gpu4": kinds["gpu3"], "cpu2": kinds["cpu1"]}
    return "\n".join(
        f"NodeName={node} NodeAddr=127.0.0.1 Port={site.node_port(node)} {kinds[node]}"
        for node in NODES
    )


def gres_conf(site: Site) -> str:
    """The gres.conf: character devices stand for GPUs, for slurmd takes no plain files."""
    devices = f"File={site.folder}/gpu/nvidia[0-7] Flags=nvidia_gpu_env"
    return f"""\
AutoDetect=off
NodeName=gpu[1-2] Name=gpu Type=h100_80gb {devices}
NodeName=gpu[3-4] Name=gpu Type=a100_80g {devices}
"""


def slurmdbd_conf(site: Site) -> str:
    """The slurmdbd.conf: accounting in a database of its own."""
    return f"""\
AuthType=auth/munge
AuthInfo={site.folder}/munge/socket
DbdHost={CONTROLLER}
DbdAddr=127.0.0.1
DbdPort={site.accounting_port}
CommunicationParameters=NoInAddrAny
SlurmUser=root
PidFile={site.folder}/state/slurmdbd.pid
LogFile={site.folder}/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={site.database_port}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_accounting
CommitDelay=0
"""


def database_conf(site: Site) -> str:
    """The option file of mariadbd: small, and careless about power cuts."""
    return f"""\
[mariadbd]
user=mysql
datadir={site.folder}/database
socket={site.folder}/database/socket
pid-file={site.folder}/database/pid
bind-address=127.0.0.1
port={site.database_port}
skip-name-resolve
innodb_buffer_pool_size=64M
innodb_log_file_size=16M
innodb_lock_wait_timeout=900
innodb_flush_log_at_trx_commit=0
innodb_doublewrite=0
performance_schema=0
max_allowed_packet=16M
"""


def sshd_config(site: Site) -> str:
    """The sshd_config of the login machine: one user, one key."""
    keys = site.folder / "ssh"
    conf = site.environment.get("SLURM_CONF")
    settings = f"SetEnv SLURM_CONF={conf}\n" if conf else ""
    return f"""\
Port {site.ssh_port}
ListenAddress 127.0.0.1
HostKey {keys}/host_key
AuthorizedKeysFile {keys}/authorized_keys
PidFile none
AllowUsers {USER}
# the folder may lie below /tmp, which anybody may write to
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
MaxStartups 100:30:200
# says every connection, those that nobody logs in by as well
LogLevel VERBOSE
Subsystem sftp internal-sftp
{settings}"""


def ssh_config(site: Site) -> str:
    """The client's ssh config: `slurm` is the login machine."""
    folder = site.client_home / ".ssh"
    return f"""\
Host slurm
  HostName 127.0.0.1
  Port {site.ssh_port}
  User {USER}
  IdentityFile {folder}/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
"""


def etc_files(site: Site, etc: Path) -> dict[str, str]:
    """The files in /etc of every machine that differ from those in *etc*, which know no user."""
    identity = f"{site.user_id}:{site.user_id}"
    user, group = f"{USER}:x:{identity}::{site.home}:/bin/bash\n", f"{USER}:x:{site.user_id}:\n"
    return {
        # an srun is called back at the address of its machine's name
        "hosts": "".join(f"127.0.0.1 {name}\n" for name in ("localhost", *MACHINES)),
        "passwd": (etc / "passwd").read_text() + user,
        "group": (etc / "group").read_text() + group,
        # `*` is no password; `!` would be a locked account, which sshd refuses
        "shadow": "".join(f"{name}:*:20000:0:99999:7:::\n" for name in ("root", USER)),
    }
