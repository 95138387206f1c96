# follow.sh: print a run's log from an offset until the run has ended.
#
# `bash -s` reads from its standard input: a line `token=… run_dir=… log=… offset=…`, then this text,
# and then nothing: the end of the input is the end of the client, and of this.
# Standard output is a line `<token>` and then the log's bytes, nothing else; standard error ends with
# a line `<token> <state> <offset>`: ended (outcome.json is there, and follows) or gone (the process is,
# and left no outcome); the offset is where the log ends, which tells whether all of it has arrived.
# shellcheck shell=bash disable=SC2154 # set by the line before this text
set -u
export LC_ALL=C
unset BASH_ENV ENV CDPATH
asked=-5

queued() { # JOB: asked every five seconds at most; *could not ask* is not *no such job*
  local said
  if ((SECONDS < asked + 5)); then return 0; fi
  asked=$SECONDS
  said=$(squeue -h -t all -j "$1" -o %T 2>&1 </dev/null) || {
    [[ $said != *'Invalid job id'* ]]
    return
  }
  case $said in
    '' | BOOT_FAIL* | CANCELLED* | COMPLETED* | DEADLINE* | FAILED* | NODE_FAIL* | OUT_OF_MEMORY* | \
      TIMEOUT* | REVOKED*) return 1 ;;
    *) return 0 ;; # PREEMPTED is on its way back to the queue
  esac
}

alive() { # does what the answer file names still run, or wait to?
  local pid start _ stat
  read -r pid start _ <"$run_dir/answer" || return 1
  if [[ $pid == slurm ]]; then
    queued "$start"
    return
  fi
  { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
  # shellcheck disable=SC2086 # split on purpose
  set -- ${stat##*) }
  [[ $1 != Z && ${20} == "$start" ]]
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
    if [[ -e $run_dir/outcome.json ]]; then
      # bootstrap tidies after the outcome is written: its last lines belong to the log as well
      for _ in 1 2 3 4 5 6 7 8 9 10; do
        alive || break
        sleep 0.2
      done
      state=ended
    elif ! alive; then
      sleep 0.2
      if [[ -e $run_dir/outcome.json ]]; then state=ended; else state=gone; fi
    fi
    show
    if [[ -z $state ]]; then pause; fi
  done
  printf '\n%s %s %s\n' "$token" "$state" "$offset" >&2
  if [[ $state == ended ]]; then cat -- "$run_dir/outcome.json" >&2; fi
}

{ # one group, so that all of it is read before `pause` looks for more input
  follow
  exit 0
}
