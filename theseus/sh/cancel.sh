# cancel.sh: end runs for good.
#
# Law: this text is static. It is read after perform.sh, whose functions it uses, and adds one that a
# line can `ask` for:
#   cancel RUN_DIR...
# It ends all of them at the same time and prints one line for each, in their order:
#   cancelled            it was there and is not any more, nor is anything it had started
#   ended STATE          it had ended before, or did so by itself in that moment
#   missing              there is no such run directory
#   unknown WORDS        SLURM cannot be asked, and said this
#   remains WORDS        it could not be ended; these words say what is still there
# Before anything is told to stop the file `cancelled` is there: by it bootstrap and runtime know why.
# shellcheck shell=bash disable=SC2154,SC2317,SC2329 # scrub and others are perform.sh's; cancel is run by name

# by run, counted from 0; a run's state is told, strays, killed, or over, and then it has its verdict
cancel_dir=() cancel_state=() cancel_verdict=() cancel_until=()
cancel_kind=() cancel_id=() cancel_start=() cancel_cluster=() cancel_members=()
cancel_parents=() cancel_starts=() cancel_sessions=() # by process id
declare -A cancel_jobs=()                             # what squeue said last, and when, by cluster

cancel() { # RUN_DIR...
  local run pending=yes
  scrub
  cancel_dir=("$@")
  for run in "${!cancel_dir[@]}"; do cancel_begin "$run"; done
  while [[ -n $pending ]]; do
    pending=''
    for run in "${!cancel_dir[@]}"; do
      [[ ${cancel_state[run]} == over ]] || cancel_advance "$run"
      [[ ${cancel_state[run]} == over ]] || pending=yes
    done
    [[ -z $pending ]] || sleep 0.2
  done
  for run in "${!cancel_dir[@]}"; do printf '%s\n' "${cancel_verdict[run]//[[:cntrl:]]/ }"; done
}

cancel_over() { # RUN VERDICT
  cancel_state[$1]=over cancel_verdict[$1]=$2
}

cancel_begin() { # RUN: note why, and tell it
  local ended dir=${cancel_dir[$1]}
  cancel_state[$1]=told cancel_verdict[$1]=cancelled cancel_until[$1]=0 cancel_members[$1]=''
  cancel_kind[$1]='' cancel_id[$1]='' cancel_start[$1]='' cancel_cluster[$1]=''
  if [[ ! -d $dir ]]; then
    cancel_over "$1" missing
    return
  fi
  ended=$(state "$dir")
  case $ended in
    completed | failed)
      cancel_over "$1" "ended $ended"
      return
      ;;
    cancelled) cancel_verdict[$1]="ended $ended" ;; # and see that it is so
  esac
  if ! (umask 077 && : >>"$dir/cancelled") 2>/dev/null; then
    cancel_over "$1" "remains as it is: the file $dir/cancelled cannot be written"
    return
  fi
  cancel_find "$1" && cancel_tell "$1"
}

cancel_find() { # RUN: what it runs as, from its answer or, where that was lost, from SLURM
  local first='' second='' third='' dir=${cancel_dir[$1]}
  [[ ! -s $dir/answer ]] || read -r first second third _ <"$dir/answer"
  if [[ $first == slurm ]]; then find_slurm; fi
  if [[ -z $first && -e $dir/batch.sh ]]; then
    find_slurm
    if ! second=$(cancel_job "$dir" 2>&1); then
      cancel_over "$1" "unknown ${second:-squeue failed}"
      return 1
    fi
    first=${second:+slurm}
  elif [[ -z $first ]]; then # who started it may have been killed before the answer was written
    first=$(process_of "$dir")
    [[ -z $first ]] || second=$(start_time "$first") third=$(boot_id)
  fi
  if [[ $first == slurm ]]; then
    cancel_kind[$1]=slurm cancel_id[$1]=$second cancel_cluster[$1]=$third
  elif [[ -n $first && $third == "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo -)" ]]; then
    cancel_kind[$1]=plain cancel_id[$1]=$first cancel_start[$1]=$second
  fi # else it never began, or the host was restarted since
}

cancel_job() { # RUN_DIR: the id of its job, its own or that in an array
  if [[ -e $1/launched ]]; then job_of "$1"; else member_job "$1"; fi
}

cancel_tell() { # RUN: SIGTERM
  local grace
  grace=$(cancel_setting "$1" THESEUS_GRACE)
  grace=${grace%.*}
  [[ $grace =~ ^[0-9]*$ ]] || grace=''
  case ${cancel_kind[$1]} in
    plain)
      cancel_until[$1]=$((SECONDS + ${grace:-30} + 10))
      cancel_note_members "$1"
      ! cancel_leads "$1" || kill -s TERM "${cancel_id[$1]}" 2>/dev/null
      ;;
    slurm)
      # slurm.conf(5): KillWait, after which SLURM kills what was told, is 30 seconds by default
      cancel_until[$1]=$((SECONDS + ${grace:-25} + 35))
      cancel_scancel "$1"
      ;;
  esac
}

cancel_advance() { # RUN: one look at it
  case ${cancel_kind[$1]} in
    plain) cancel_advance_plain "$1" ;;
    slurm) cancel_advance_slurm "$1" ;;
    *) cancel_conclude "$1" ;;
  esac
}

# --- on this machine ----------------------------------------------------------------------------

cancel_leads() { # RUN: does the bootstrap of its answer still run? A process id may be another's by now
  local stat id=${cancel_id[$1]} start=${cancel_start[$1]}
  { read -r stat <"/proc/$id/stat"; } 2>/dev/null || return
  # shellcheck disable=SC2086 # split on purpose: the fields of a line of /proc, of which none is a pattern
  set -- ${stat##*) }
  [[ $1 != Z && ${20} == "$start" ]]
}

cancel_look() { # read the process table: parent, start and session of each that is no zombie
  local file stat pid
  cancel_parents=() cancel_starts=() cancel_sessions=()
  for file in /proc/[0-9]*/stat; do
    { read -r stat <"$file"; } 2>/dev/null || continue
    pid=${file//[^0-9]/}
    # shellcheck disable=SC2086 # split on purpose: the fields of a line of /proc, of which none is a pattern
    set -- ${stat##*) }
    [[ $1 != Z ]] || continue
    cancel_parents[pid]=$2 cancel_sessions[pid]=$4 cancel_starts[pid]=${20}
  done
}

cancel_note_members() { # RUN: its processes, as PID:START; once one of them, for ever one of them
  local pid known file leader=${cancel_id[$1]}
  local -a member=() own=()
  cancel_look
  for ((pid = BASHPID; pid > 1; pid = ${cancel_parents[pid]:-0})); do own[pid]=yes; done # this one, never
  for known in ${cancel_members[$1]}; do
    pid=${known%:*}
    [[ ${cancel_starts[pid]:-} != "${known#*:}" ]] || member[pid]=yes
  done
  # setsid(2): the bootstrap's session has its process id, which is no other's while the session is there
  if [[ ${cancel_starts[leader]:-${cancel_start[$1]}} == "${cancel_start[$1]}" ]]; then
    for pid in "${!cancel_sessions[@]}"; do
      [[ ${cancel_sessions[pid]} != "$leader" ]] || member[pid]=yes
    done
  fi
  while IFS= read -r file; do
    pid=${file//[^0-9]/}
    [[ -z ${cancel_starts[pid]:-} ]] || member[pid]=yes
  done < <(grep -lzxF -e "THESEUS_RUN_ID=${cancel_dir[$1]##*/}" /proc/[0-9]*/environ 2>/dev/null)
  cancel_add_children
  cancel_members[$1]=''
  for pid in "${!member[@]}"; do
    [[ -n ${own[pid]:-} ]] || cancel_members[$1]+="$pid:${cancel_starts[pid]} "
  done
}

cancel_add_children() { # to `member`, theirs and so on
  local pid grown=yes
  while [[ -n $grown ]]; do
    grown=''
    for pid in "${!cancel_parents[@]}"; do
      if [[ -z ${member[pid]:-} && -n ${member[${cancel_parents[pid]}]:-} ]]; then
        member[pid]=yes grown=yes
      fi
    done
  done
}

cancel_signal() { # RUN SIGNAL: to each of its processes
  local known
  for known in ${cancel_members[$1]}; do kill -s "$2" "${known%:*}" 2>/dev/null; done
}

cancel_advance_plain() { # RUN
  if [[ ${cancel_state[$1]} == told ]] && cancel_leads "$1"; then
    ((SECONDS < ${cancel_until[$1]})) || cancel_kill "$1"
    return
  fi
  cancel_note_members "$1"
  if [[ -z ${cancel_members[$1]} ]]; then
    cancel_conclude "$1"
  elif [[ ${cancel_state[$1]} == told ]]; then # what left the job's process group was not told
    cancel_state[$1]=strays cancel_until[$1]=$((SECONDS + 3))
    cancel_signal "$1" TERM
  elif [[ ${cancel_state[$1]} == killed ]] && ((SECONDS >= ${cancel_until[$1]})); then
    cancel_over "$1" "remains in processes that cannot be killed, as ID:START: ${cancel_members[$1]% }"
  elif [[ ${cancel_state[$1]} == killed ]] || ((SECONDS >= ${cancel_until[$1]})); then
    cancel_kill "$1"
  fi
}

cancel_kill() { # RUN: and whatever it starts meanwhile
  if [[ ${cancel_state[$1]} != killed ]]; then
    cancel_state[$1]=killed cancel_until[$1]=$((SECONDS + 10))
  fi
  cancel_note_members "$1"
  cancel_signal "$1" KILL
}

# --- in SLURM -----------------------------------------------------------------------------------

cancel_scancel() { # RUN [OPTION...]
  local said id=${cancel_id[$1]} cluster=${cancel_cluster[$1]}
  if ! said=$(scancel "${@:2}" ${cluster:+-M "$cluster"} "$id" 2>&1); then
    case $said in
      *'Invalid job id'* | *'already completing or completed'*) ;; # the next look tells
      *) cancel_over "$1" "unknown ${said##*$'\n'}" ;;
    esac
  fi
}

cancel_ask() { # CLUSTER: the state of all its jobs in one question, every second at most
  local cluster=$1 run said id word ids=''
  ((SECONDS >= ${cancel_jobs["at $cluster"]:--1} + 1)) || return 0
  for run in "${!cancel_id[@]}"; do
    [[ ${cancel_kind[run]} != slurm || ${cancel_cluster[run]} != "$cluster" ]] || ids+=,${cancel_id[run]}
  done
  said=$(squeue -h -r -t all ${cluster:+-M "$cluster"} -j "${ids#,}" -o '%i %T' 2>&1) ||
    [[ $said == *'Invalid job id'* ]] || return
  for id in ${ids//,/ }; do cancel_jobs["$id $cluster"]=''; done
  while read -r id word; do
    [[ ! $id =~ ^[0-9_]+$ ]] || cancel_jobs["$id $cluster"]=$word
  done <<<"$said"
  cancel_jobs["at $cluster"]=$SECONDS
}

cancel_advance_slurm() { # RUN: SLURM kills what does not end; what outlives that is told once more
  local word
  if ! cancel_ask "${cancel_cluster[$1]}"; then
    ((SECONDS < ${cancel_until[$1]})) || cancel_over "$1" 'unknown squeue gives no answer'
    return
  fi
  word=${cancel_jobs["${cancel_id[$1]} ${cancel_cluster[$1]}"]}
  case $word in
    '' | BOOT_FAIL | CANCELLED | COMPLETED | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | PREEMPTED | REVOKED | TIMEOUT)
      cancel_conclude "$1"
      return
      ;;
    COMPLETING) ;;
    *) cancel_scancel "$1" ;; # it was requeued in that very moment
  esac
  if ((SECONDS < ${cancel_until[$1]})); then return; fi
  if [[ ${cancel_state[$1]} == killed ]]; then
    cancel_over "$1" "remains in SLURM: its job ${cancel_id[$1]} is still $word"
  else
    cancel_state[$1]=killed cancel_until[$1]=$((SECONDS + 60))
    cancel_scancel "$1" --signal=KILL --full
  fi
}

# --- the end ------------------------------------------------------------------------------------

cancel_conclude() { # RUN: nothing of it is there any more
  local ended work dir=${cancel_dir[$1]}
  for _ in 1 2 3 4 5; do # what another node wrote may take a moment to be seen here
    ended=$(state "$dir")
    [[ -z $ended && ${cancel_kind[$1]} == slurm && -s $dir/starts ]] || break
    sleep 0.2
    : "$dir"/*
  done
  if [[ -z $ended || $ended == preempted ]]; then
    cancel_record "$1"
    ended=cancelled
  fi
  if [[ $ended != cancelled ]]; then
    cancel_over "$1" "ended $ended"
    return
  fi
  work=$(cancel_setting "$1" THESEUS_WORK_DIR)
  rm -f -- "$dir/secrets.env"
  [[ -z $work ]] || rm -rf -- "$work".new-* "$work".start-*
  cancel_over "$1" "${cancel_verdict[$1]}"
}

cancel_setting() { # RUN NAME: what job.env says
  # shellcheck source=/dev/null # made by the plan of the run
  (unset "$2" && source "${cancel_dir[$1]}/job.env" >/dev/null 2>&1 && printf '%s' "${!2-}")
}

cancel_json() { # TEXT: as a JSON string
  local text=$1 slash=\\ quote=\"
  text=${text//"$slash"/"$slash$slash"}
  text=${text//"$quote"/"$slash$quote"}
  printf '"%s"' "${text//[[:cntrl:]]/ }"
}

cancel_record() { # RUN: the outcome and metadata of one that could not write them itself
  local now work kept=null status metadata dir=${cancel_dir[$1]}
  local message='cancelled before it could record its end'
  now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  work=$(cancel_setting "$1" THESEUS_WORK_DIR)
  [[ ! -d $work ]] || kept=$(cancel_json "$work")
  [[ -s $dir/starts ]] || message='cancelled before it had started'
  [[ ! -e $dir/outcome.json ]] || mv -f -- "$dir/outcome.json" "$dir/outcome-preempted.json"
  printf '{"state": "cancelled", "exit_status": 143, "signal": 15, "stage": "job", "message": "%s", "ended_at": "%s", "work_dir": %s}\n' \
    "$message" "$now" "$kept" >"$dir/outcome.json.new" && mv -f -- "$dir/outcome.json.new" "$dir/outcome.json"
  status=$(cancel_setting "$1" THESEUS_STATUS_DIR)
  [[ -n $status ]] && mkdir -p -- "$status" || return 0
  metadata=$status/metadata.json
  if [[ -s $metadata ]]; then # its own keys are indented by one space
    sed 's/^ "state": "[a-z]*"/ "state": "cancelled"/' "$metadata"
  else
    printf '{"run": {"id": %s}, "state": "cancelled", "exit_status": 143, "message": "%s", "heartbeat": "%s", "ended_at": "%s"}\n' \
      "$(cancel_json "${dir##*/}")" "$message" "$now" "$now"
  fi >"$metadata.new" && mv -f -- "$metadata.new" "$metadata"
}
