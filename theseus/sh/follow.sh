# follow.sh: print a run's log from an offset until the run has ended.
#
# `bash -s` reads from its standard input: a line `token=… run_dir=… log=… offset=…`, then this text,
# and then nothing: the end of the input is the end of the client, and of this.
# Standard output is a line `<token>` and then the log's bytes, nothing else; standard error ends with
# a line `<token> <state> <offset>`: ended (outcome.json is there, and follows) or gone (the process is,
# and left no outcome; what SLURM says of its job follows); the offset is where the log ends, which
# tells whether all of it has arrived.
# shellcheck shell=bash disable=SC2154 # set by the line before this text
set -u
export LC_ALL=C
unset BASH_ENV ENV CDPATH "${!SQUEUE_@}"
asked=-5 job_state='' job_reason=''

queued() { # JOB [CLUSTER]: asked every five seconds at most; *could not ask* is not *no such job*
  if ((SECONDS >= asked + 5)); then
    asked=$SECONDS
    if job_state=$(squeue -h -t all -j "$1" ${2:+-M "$2"} -o '%T %r' 2>&1 </dev/null); then
      IFS=' ' read -r job_state job_reason <<<"${job_state##*$'\n'}"
    elif [[ $job_state == *'Invalid job id'* ]]; then
      job_state=FORGOTTEN
    else
      job_state=UNKNOWN
    fi
  fi
  case $job_state in
    '' | FORGOTTEN | BOOT_FAIL | CANCELLED | COMPLETED | DEADLINE | FAILED | NODE_FAIL) return 1 ;;
    OUT_OF_MEMORY | PREEMPTED | REVOKED | TIMEOUT) return 1 ;;
  esac
}

alive() { # does what the answer file names still run, or wait to?
  local pid start cluster stat
  read -r pid start cluster <"$run_dir/answer" || return 1
  if [[ $pid == slurm ]]; then
    queued "$start" "$cluster"
    return
  fi
  { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
  # shellcheck disable=SC2086 # split on purpose
  set -- ${stat##*) }
  [[ $1 != Z && ${20} == "$start" ]]
}

has_ended() {    # a run that was preempted goes on while SLURM has its job
  : "$run_dir"/* # a directory listed is one NFS asks its server for; a name looked for may not be
  [[ -e $run_dir/outcome.json ]] || return 1
  if [[ $(<"$run_dir/answer") == slurm* ]] && grep -qF '"state": "preempted"' "$run_dir/outcome.json"; then
    ! alive
  fi
}

tidied() { # what follows the outcome belongs to the log; a job's log is whole when its script has ended
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    asked=-5
    alive && [[ $job_state != COMPLETING ]] || break
    if [[ -n $job_state ]]; then sleep 0.5; else sleep 0.2; fi
  done
}

size() {
  local bytes
  bytes=$(wc -c 2>/dev/null <"$log") || bytes=0
  echo $((bytes))
}

show() { # print what is new, up to a size taken first: no byte is printed twice
  local end
  end=$(size)
  if ((end > offset)); then
    tail -c "+$((offset + 1))" -- "$log" | head -c "$((end - offset))" || exit 1
    offset=$end
  fi
}

pause() { # a quarter of a second, unless the client is gone
  local _
  read -r -t 0.25 _ || (($? > 128)) || exit 1
}

follow() {
  local state=
  printf '\n%s\n' "$token" || exit 1
  until [[ -n $state ]]; do
    if has_ended; then
      tidied
      state=ended
    elif ! alive; then
      sleep 0.2
      if has_ended; then state=ended; else state=gone; fi
    fi
    show
    if [[ -z $state ]]; then pause; fi
  done
  printf '\n%s %s %s\n' "$token" "$state" "$offset" >&2
  if [[ $state == ended ]]; then cat -- "$run_dir/outcome.json" >&2; else printf '%s %s' "$job_state" "$job_reason" >&2; fi
}

{ # one group, so that all of it is read before `pause` looks for more input
  follow
  exit 0
}
