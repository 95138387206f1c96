# follow.sh: print a run's log from an offset, and stay until the run has ended.
#
# `bash -s` reads from its standard input: a line `token=… run_dir=… log=… offset=… lines=… stay=…`, then
# this text, and then nothing: the end of the input is the end of the client, and of this. With `lines`
# it begins so many lines before the end, whatever the offset; without `stay` it ends with what is there.
# Standard output is a line `<token> <offset>` and then the log's bytes from there on, nothing else.
# On standard error, `<token> waits <state>|<seconds>|<reason>` says why the run has not begun, each time
# that changes; it ends with a line `<token> <state> <offset>`: ended (outcome.json is there, and follows),
# gone (the process is, and left no outcome; what SLURM says of its job follows) or there (it goes on, or
# has not begun); the offset is where the log ends, which tells whether all of it has arrived.
# shellcheck shell=bash disable=SC2154 # set by the line before this text
set -u +efvx # SHELLOPTS may bring any; what these print on standard error would be read as the end
export LC_ALL=C
unset BASH_ENV ENV CDPATH
scrub
asked=-5 job_state='' job_reason='' job_start='' told_waits='' quiet=0

queued() { # JOB [CLUSTER]: asked every five seconds at most; *could not ask* is not *no such job*
  if ((SECONDS >= asked + 5)); then
    asked=$SECONDS
    find_slurm
    if job_state=$(SLURM_TIME_FORMAT=%s squeue -h -t all -j "$1" ${2:+-M "$2"} -o '%T|%S|%r' 2>&1 </dev/null); then
      IFS='|' read -r job_state job_start job_reason <<<"${job_state##*$'\n'}"
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
  # shellcheck disable=SC2086 # split on purpose: the fields of a line of /proc, of which none is a pattern
  set -- ${stat##*) }
  [[ $1 != Z && ${20} == "$start" ]]
}

has_ended() {    # a run that was preempted goes on while SLURM has its job
  : "$run_dir"/* # a directory listed is one NFS asks its server for; a name looked for may not be
  [[ -e $run_dir/outcome.json ]] || return 1
  if [[ $(<"$run_dir/answer") == slurm* ]] && grep -qF '"state": "preempted"' "$run_dir/outcome.json"; then
    if alive; then return 1; fi
    # its processes could not know why they were told: SLURM says so once they are gone, for some minutes
    [[ $job_state != CANCELLED ]] || note_cancelled
  fi
}

note_cancelled() {
  local new=$run_dir/outcome.json.$$
  : >>"$run_dir/cancelled"
  sed 's/"state": "preempted"/"state": "cancelled"/' "$run_dir/outcome.json" >"$new" && mv -f -- "$new" "$run_dir/outcome.json"
  rm -f -- "$run_dir/secrets.env"
}

waits() { # why the run has not begun, when that is not what was said last
  local now after='' said=''
  if [[ $job_state == PENDING ]]; then
    [[ ! $job_start =~ ^[0-9]+$ ]] || now=$(date +%s)
    said="PENDING|${now:+$((job_start > now ? job_start - now : 0))}|$job_reason"
  elif [[ -z $job_state && ! -e $run_dir/hardware.json ]]; then
    # shellcheck source=/dev/null # made by the plan of the run
    after=$(unset THESEUS_AFTER && source "$run_dir/job.env" >/dev/null 2>&1 && printf '%s' "${THESEUS_AFTER-}")
    [[ -z $after || -e $after/outcome.json ]] || said="AFTER||${after##*/}"
  fi
  [[ -n $said && ${said%%|*}${said##*|} != "$told_waits" ]] || return 0
  told_waits=${said%%|*}${said##*|}
  printf '\n%s waits %s\n' "$token" "$said" >&2
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
    offset=$end quiet=0
  else
    quiet=$((quiet + 1))
  fi
}

last_lines() { # COUNT: the offset at which the last lines of the log begin; read backwards, in growing pieces
  local end piece=65536 tail
  end=$(size)
  while :; do
    ((piece <= end)) || piece=$end
    tail=$(tail -c "+$((end - piece + 1))" -- "$log" 2>/dev/null | head -c "$piece" | tail -n "$1" | wc -c)
    if ((tail < piece || piece == end)); then break; fi
    piece=$((piece * 8))
  done
  offset=$((end - tail))
}

pause() { # a quarter of a second, and up to five where nothing comes; unless the client is gone
  local _ seconds=0.25
  if ((quiet >= 20)); then seconds=5; elif ((quiet >= 8)); then seconds=1; fi
  read -r -t "$seconds" _ || (($? > 128)) || exit 1
}

follow() {
  local state=
  if [[ -n $lines ]]; then last_lines "$lines"; fi
  printf '\n%s %s\n' "$token" "$offset" || exit 1
  until [[ -n $state ]]; do
    if has_ended; then
      [[ -z $stay ]] || tidied
      state=ended
    elif ! alive; then
      sleep 0.2
      if has_ended; then state=ended; else state=gone; fi
    else
      waits
      [[ -n $stay ]] || state=there
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
