"""A scheduler of files: what `sbatch`, `squeue` and `sacct` say, and every way to say nothing.

For the faults that a real SLURM cannot give on demand. Its jobs are the files ~/slurm/jobs/NUMBER,
which hold `STATE|COMMENT|NAME` and never start. How each program behaves stands in ~/slurm/PROGRAM:
nothing, or a word that its script below explains. sbatch first looks whether there is a word for
its one run, in ~/slurm/runs/RUN.
"""

from pathlib import Path

from attrs import frozen

from tests.cli.desk import Desk

CONFIG = """\
clusters:
  hpc: {root: ~/root, work: ~/work}
hosts:
  login: {type: slurm, cluster: hpc, transport: local, partitions: [{name: main}]}
"""
SBATCH = """\
for word; do
  case $word in
    --comment=*) comment=${word#*=} ;;
    --job-name=*) name=${word#*=} ;;
  esac
done
run=${comment#*:}
how=$(cat "$HOME/slurm/runs/$run" "$HOME/slurm/sbatch" 2>/dev/null | head -n 1)
echo "$run" >>"$HOME/slurm/calls"
timed_out='sbatch: error: Batch job submission failed: Socket timed out on send/recv operation'
accept() {
  number=1
  until mkdir "$HOME/slurm/jobs/$number.taken" 2>/dev/null; do number=$((number + 1)); done
  echo "PENDING|$comment|$name" >"$HOME/slurm/jobs/$number"
}
case $how in
  refuse) echo 'sbatch: error: Invalid partition name specified' >&2; exit 1 ;;
  time-out) echo "$timed_out" >&2; exit 1 ;;              # it never had the job
  lose-answer) accept; echo "$timed_out" >&2; exit 1 ;;   # it has, and cannot say so
  say-nothing) accept; exit 0 ;;
  killed-before) kill -9 $$ ;;
  killed-after) accept; kill -9 $$ ;;
  hang-*) # accepts after so many seconds
    sleep "${how#hang-}"
    accept
    ;;
  *) accept ;;
esac
echo "$number"
"""
SQUEUE = """\
case $(cat "$HOME/slurm/squeue" 2>/dev/null) in
  fail) echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1 ;;
  hang) exec sleep 600 ;;
  forget) exit 0 ;; # what ended is gone after MinJobAge
esac
cd "$HOME/slurm/jobs" || exit
for number in *; do
  [ -f "$number" ] || continue
  IFS='|' read -r state comment name <"$number"
  case $* in
    *%F*) echo "$number $comment $name" ;;
    *) echo "$number|$state|None|$comment|$name" ;;
  esac
done
"""
SACCT = """\
case $(cat "$HOME/slurm/sacct" 2>/dev/null) in
  off) echo 'Slurm accounting storage is disabled' >&2; exit 1 ;;
  fail) echo 'sacct: error: Problem talking to the database: Connection refused' >&2; exit 1 ;;
esac
cd "$HOME/slurm/jobs" || exit
for number in *; do
  [ -f "$number" ] || continue
  IFS='|' read -r state comment name <"$number"
  case $* in
    *State*) echo "$number|$state|$name" ;;
    *) echo "$number|$name" ;;
  esac
done
"""


@frozen
class Scheduler:
    """The scheduler in the home of *desk*."""

    desk: Desk

    @property
    def _folder(self) -> Path:
        return self.desk.home / "slurm"

    def have(self, program: str, how: str) -> None:
        """Have *program* behave so from now on; `` is as it should."""
        (self._folder / program).write_text(how)

    def have_run(self, run_id: str, how: str) -> None:
        """Have sbatch behave so for one run, until told otherwise."""
        (self._folder / "runs" / run_id).write_text(how)

    def calls(self, run_id: str) -> int:
        """How often sbatch was called for a run."""
        return (self._folder / "calls").read_text().split().count(run_id)

    def jobs(self, run_id: str) -> list[str]:
        """The numbers of the jobs of a run."""
        jobs = (path for path in (self._folder / "jobs").iterdir() if path.is_file())
        return [path.name for path in jobs if f"|theseus:{run_id}|" in path.read_text()]

    def end(self, number: str, state: str) -> None:
        """Have a job end in *state*."""
        job = self._folder / "jobs" / number
        job.write_text(f"{state}|{job.read_text().partition('|')[2]}")


def scheduler_of(desk: Desk) -> Scheduler:
    """A scheduler on *desk*, which is then its host `login`."""
    for name in ("jobs", "runs"):
        (desk.home / "slurm" / name).mkdir(parents=True)
    (desk.home / "slurm" / "calls").touch()
    desk.write(str(desk.home / ".theseus.yaml"), CONFIG)
    for program, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("sacct", SACCT)):
        desk.program(program, text)
    return Scheduler(desk)
