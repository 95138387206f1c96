"""A stand-in for SLURM: sbatch, squeue and the rest as scripts that keep jobs in a file.

It can do what no real one does on demand: take a job and lose the answer, or fail to be asked.
"""

from tests.cli.desk import Desk

SINFO = """\
case "$*" in
  *-V*) echo slurm 22.05.8 ;;
  *) echo 'n1|main|(null)|gpu:0|idle|0/8/0/8|16000|0|(null)|' ;;
esac"""
SCONTROL = "echo 'PartitionName=main State=UP MaxTime=1-00:00:00 TotalNodes=1'"
SBATCH = """\
jobs=$HOME/jobs
for word; do
  case $word in --job-name=*) name=${word#*=} ;; --comment=*) comment=${word#*=} ;; esac
done
id=$(($(cat "$jobs" 2>/dev/null | wc -l) + 100))
printf '%s %s %s\\n' "$id" "$comment" "$name" >>"$jobs"
if [ -e "$HOME/lose" ]; then
  rm "$HOME/lose"
  echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2
  exit 1
fi
echo "$id\""""
SQUEUE = """\
if [ -e "$HOME/deaf" ]; then
  echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2
  exit 1
fi
case "$*" in
  *'%F %k %j'*) cat "$HOME/jobs" 2>/dev/null ;;
  *'%i|%T|%r|%k|%j'*)
    while read -r id comment name; do
      echo "$id|PENDING|Resources|$comment|$name"
    done <"$HOME/jobs"
    ;;
  *%T*) echo 'PENDING|N/A|Resources' ;;
esac
exit 0"""


def pretend_slurm(desk: Desk) -> None:
    """Have this machine be the login node of a cluster with one idle node."""
    tools = {"sinfo": SINFO, "scontrol": SCONTROL, "sbatch": SBATCH, "squeue": SQUEUE}
    for name, script in {**tools, "sacct": "exit 1", "scancel": "exit 0"}.items():
        desk.program(name, script)
    desk.write(
        str(desk.home / ".theseus.yaml"),
        "clusters:\n  hpc: {root: ~/root, work: ~/work}\n"
        "hosts:\n  login: {type: slurm, cluster: hpc, transport: local, partitions: [main]}\n",
    )


def jobs(desk: Desk) -> list[str]:
    """The jobs that were taken, one line each."""
    file = desk.home / "jobs"
    return file.read_text().splitlines() if file.exists() else []
