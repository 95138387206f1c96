#!/usr/bin/env bash
# batch.sh RUN_DIRECTORY: the batch script of a run; SLURM runs it on the job's first node.
# batch.sh DIRECTORY: that of a job array; the lists `runs` and `logs` there have the run of each index.
#
# Law: this file is static and shipped byte for byte. It claims the run for its job, counts its starts,
# and runs bootstrap.sh on each node through srun. What a run is, bootstrap.sh knows.
set -u
unset BASH_ENV ENV CDPATH
run_dir=${1:?'usage: batch.sh RUN_DIRECTORY'}
job=${SLURM_JOB_ID:?'batch.sh is for sbatch: a run without SLURM starts with bootstrap.sh'}
told='' signals=0

say() { printf 'theseus: %s\n' "$*"; }

claim() { # the first job to come owns the run; it comes again when it was requeued
  local owner=''
  if (set -C && printf '%s\n' "$job" >job_id) 2>/dev/null; then return; fi
  for _ in {1..20}; do # another may have made it just now, and not written to it yet
    read -r owner <job_id && break
    sleep 0.2
  done
  if [[ -z $owner ]]; then
    printf '%s\n' "$job" >job_id
  elif [[ $owner != "$job" ]]; then
    say "this job ($job) is a duplicate of job $owner, which has the run $run_dir: nothing to do"
    exit 0
  fi
}

answer() { # where the answer of sbatch was lost, this is it
  local id=''
  [[ ! -s answer ]] || read -r _ id _ <answer
  [[ $id == "$job" ]] && return
  printf 'slurm %s\n' "$job" >answer.batch && mv -f answer.batch answer
}

begin() { # a run starts once, and again only when it was preempted or lost a node
  start=0
  if [[ -e outcome.json ]]; then
    if ! grep -qF '"state": "preempted"' outcome.json; then
      say "this run has ended, see $run_dir/outcome.json: submit it as a new run"
      exit 1
    fi
    mv -f outcome.json outcome-preempted.json
  fi
  [[ ! -s starts ]] || read -r start <starts
  if ((start < ${SLURM_RESTART_COUNT:-0})); then start=$SLURM_RESTART_COUNT; fi
  printf '%s\n' "$((start + 1))" >starts
  # older SLURM does not say when the time is over
  : "${SLURM_JOB_END_TIME:=$(SLURM_TIME_FORMAT=%s squeue -h -j "$job" -o %e 2>/dev/null)}"
  export SLURM_JOB_END_TIME
}

steps() { # run bootstrap.sh on each node; its exit status, though signals come in between
  local before child
  # sbatch --export=NONE would reach srun too; since 22.05 it does not take over --cpus-per-task, and
  # WaitTime would have a site end the other nodes some time after the first
  srun --export=ALL --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 \
    ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} \
    --kill-on-bad-exit=1 --wait=0 --input=none bash "$run_dir/bootstrap.sh" "$run_dir" "$start" &
  child=$!
  while :; do # bash(1): a trapped signal makes `wait` return at once, with a status over 128
    before=$signals status=0
    wait "$child" || status=$?
    [[ $signals != "$before" ]] || break
  done
  # bash 5.2 loses the status of a child that ends in the moment a signal comes, and says -1 or that of the signal
  if ((signals && (status < 0 || status > 128))); then status=$(recorded "$status"); fi
}

recorded() { # STATUS: the one that stands in the outcome; without an outcome, STATUS, or that of what SIGTERM ended
  sed -n 's/.*"exit_status": \([0-9]*\).*/\1/p' outcome.json 2>/dev/null | grep . || echo "$(($1 < 0 ? 143 : $1))"
}

conclude() { # where no node could record the end
  [[ ! -e outcome.json && -z $told ]] || return
  ((status)) || status=1
  for _ in {1..10}; do # a node may be lost: SLURM says TERM then, and starts the job again
    sleep 0.5
    [[ -z $told ]] || return
  done
  bash "$run_dir/bootstrap.sh" "$run_dir" "$start" "$status" \
    "srun ended with exit status $status before the run could record its end: see the log"
}

member() { # the run of this index, and its log
  local run_dirs=() logs=()
  # shellcheck source=/dev/null # the lists of the array, which are made by its plan
  { source "$run_dir/logs" && source "$run_dir/runs"; } || unseen
  run_dir=${run_dirs[SLURM_ARRAY_TASK_ID]:?"the list of runs has none of this index"}
  job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID # the plain id of one member stands for them all
  exec >>"${logs[SLURM_ARRAY_TASK_ID]:?}" 2>&1
}

unseen() {
  say "node ${SLURMD_NODENAME:-} does not see the run directory: \`share\` must lie on storage that all nodes see"
  exit 1
}

if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then member; fi
cd -- "$run_dir" || unseen
# SLURM tells the steps itself; this script only has to outlive them
trap 'signals=$((signals + 1)) told=yes' TERM
trap 'signals=$((signals + 1))' INT HUP USR1 USR2
claim
answer
begin
steps
conclude
exit "$status"
