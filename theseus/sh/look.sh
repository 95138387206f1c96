# look.sh RUN_DIRECTORY STATUS_DIRECTORY ...: what is there to be seen of runs, for one pair after another.
#
# Law: this file is static, changes nothing, and judges nothing: core/runs/sighting.py reads what it prints.
# Lines: `squeue CLUSTER|FAILURE` (FAILURE is empty when it answered), `job CLUSTER|ID|STATE|REASON|COMMENT|NAME`,
# `sacct FAILURE`, `account ID|STATE|NAME`; then for each run `run NUMBER` and of it `place` (all runs lie
# there), `there`, `launched`, `starting` (somebody may be at it at this moment), `batch`, `array ID INDEX`, `answer ...`, `process alive|gone|rebooted|unknown`, `outcome {...}`,
# `state ...` and `heartbeat TIME` of metadata.json; at last `clock TIME` and `end`.
# Processes and jobs are looked at before files: one that is gone has written its outcome by then, and
# gets a second more for it to be seen.
# shellcheck shell=bash
set -u
unset BASH_ENV ENV CDPATH
scrub
export LC_ALL=C SLURM_BITSTR_LEN=0 # sacct(1): without, it cuts a list of array indexes short
places=() answers=() arrays=() starting=() process=() job=() jobs='' gone=''

at_home() { # PATH: the path, `~/` at its beginning being the home
  # shellcheck disable=SC2088 # the two characters themselves
  if [[ $1 == '~/'* ]]; then place=$HOME/${1:2}; else place=$1; fi
}

look_at_process() { # PID START BOOT: sets seen
  local boot='' stat
  seen=unknown
  [[ -r /proc/self/stat && ${2:-0} != 0 ]] || return
  if [[ -r /proc/sys/kernel/random/boot_id ]]; then read -r boot </proc/sys/kernel/random/boot_id; fi
  if [[ ${3:-} == [0-9a-f]* && $boot != "$3" ]]; then
    seen=rebooted
    return
  fi
  seen=gone
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return
  # shellcheck disable=SC2086 # split on purpose; the command name in parentheses may hold spaces
  set -- "$2" ${stat##*) }
  if [[ $2 != Z && ${21} == "$1" ]]; then seen=alive; fi
}

answer_of_process() { # of the run in place, whose starter was killed before it could write it
  local boot='' file word stat
  [[ -r /proc/self/stat ]] || return
  if [[ -r /proc/sys/kernel/random/boot_id ]]; then read -r boot </proc/sys/kernel/random/boot_id; fi
  for file in /proc/[0-9]*/cmdline; do
    { IFS= read -r -d '' _ && IFS= read -r -d '' word; } 2>/dev/null <"$file" || continue
    [[ $word == "$place/bootstrap.sh" && -O $file ]] || continue
    { read -r stat <"${file%cmdline}stat"; } 2>/dev/null || continue
    file=${file%/cmdline}
    # shellcheck disable=SC2086 # split on purpose: the fields of a line of /proc, of which none is a pattern
    set -- ${stat##*) }
    echo "${file#/proc/} ${20} $boot"
    return
  done
  if [[ -e $place/starts || -e $place/outcome.json ]]; then echo "0 1 $boot"; fi # it began, and is gone
}

is_claimed() { # DIRECTORY: is the shell there that was to start it? What it has not heard yet it will not wait for long
  local host pid start
  [[ -n $(find "$1/claimed" -mmin -10 2>/dev/null) ]] || return
  read -r host pid start <"$1/claimed" && [[ $host == "$(uname -n)" && -n $start ]] || return
  look_at_process "$pid" "$start" -
  [[ $seen == alive ]]
}

may_start() { # DIRECTORY: is it being prepared or handed over here, or was it a moment ago, perhaps elsewhere?
  grep -qszxF -f <(printf '%s\n' "$1/batch.sh" "$1/bootstrap.sh") /proc/[0-9]*/cmdline ||
    [[ -e $1/launched && ! -e $1/launched/ended && -z $(find "$1/launched" -maxdepth 0 -mmin +1) ]]
}

array_of() { # of the run in place: `ARRAY INDEX` when it is part of a job array that was submitted
  local list hit
  for list in "${place%/*/*}"/sweeps/*/runs; do
    hit=$(grep -nF -m 1 "/${place##*/}" "$list" 2>/dev/null) || continue
    list=${list%/runs}
    [[ -e $list/launched ]] || continue
    echo "${list##*/} $((${hit%%:*} - 2))" # its first line opens the list
    return
  done
}

ask_squeue() { # CLUSTER: all of our jobs there, in one question; adds to jobs
  local said
  find_slurm
  if said=$(squeue -h -r -t all -u "$(id -un)" ${1:+-M "$1"} -o '%i|%T|%r|%k|%j' 2>&1 </dev/null); then
    printf 'squeue %s|\n' "$1"
    said=$(sed -n "s/^[0-9][^|]*|/$1|&/p" <<<"$said")
    if [[ -n $said ]]; then
      jobs+=$said$'\n'
      printf 'job %s\n' "${said//$'\n'/$'\n'job }"
    fi
  else
    printf 'squeue %s|%s\n' "$1" "${said##*$'\n'}"
    return 1
  fi
}

ask_sacct() { # DAY: what accounting knows of our jobs since then
  local said since
  since=$(date -d "$1 -1 day" +%Y-%m-%d 2>/dev/null) || since=${1:0:4}-${1:4:2}-${1:6:2}
  if said=$(sacct -n -P -X -u "$(id -un)" -S "$since" -o JobID,State,JobName 2>&1 </dev/null); then
    printf 'sacct \n'
    sed -n 's/^[0-9]/account &/p' <<<"$said"
  else
    printf 'sacct %s\n' "${said##*$'\n'}"
  fi
}

is_active() { # CLUSTER|ID: has SLURM a job of that id that has not ended?
  local line
  line=$(grep -m 1 "^$1|" <<<"$jobs") || return 1
  line=${line#"$1|"}
  case ${line%%|*} in
    BOOT_FAIL | CANCELLED | COMPLETED | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | PREEMPTED | REVOKED | TIMEOUT)
      return 1
      ;;
  esac
}

read_answers() { # RUN_DIRECTORY STATUS_DIRECTORY ...
  local run=0 first second third
  while (($#)); do
    at_home "$1"
    places[run]=$place answers[run]='' arrays[run]='' process[run]='' job[run]=''
    first='' second='' third=''
    if [[ -s $place/answer ]]; then
      IFS= read -r 'answers[run]' <"$place/answer"
    elif [[ -e $place/launched && -e $place/batch.sh ]]; then
      first=slurm # whose answer was lost: SLURM knows it by its comment or name
    elif [[ -e $place/launched ]]; then
      answers[run]=$(answer_of_process)
    elif [[ -d $place ]]; then
      arrays[run]=$(array_of)
      if [[ -n ${arrays[run]} ]]; then first=slurm; fi
    fi
    starting[run]=''
    if [[ -z ${answers[run]} && -d $place ]]; then
      second=${arrays[run]:+${place%/*/*}/sweeps/${arrays[run]% *}}
      if is_claimed "$place" || may_start "${second:-$place}"; then starting[run]=yes; fi
      second=''
    fi
    [[ -z ${answers[run]} ]] || read -r first second third <<<"${answers[run]}"
    if [[ $first == slurm ]]; then
      job[run]="$third|$second"
    elif [[ -n $first ]]; then
      look_at_process "$first" "$second" "$third"
      process[run]=$seen
      [[ $seen == alive || -e $place/outcome.json ]] || gone=yes
    fi
    run=$((run + 1))
    shift 2
  done
}

ask_slurm() { # one question for all jobs of a cluster; accounting only for those that squeue forgot
  local run cluster oldest='' answered=yes
  while read -r cluster; do
    ask_squeue "${cluster%.}" || answered=
  done < <(for run in "${!job[@]}"; do [[ -z ${job[run]} ]] || echo "${job[run]%%|*}."; done | sort -u)
  [[ -n $answered ]] || return
  for run in "${!job[@]}"; do
    if [[ -n ${job[run]} && ! -e ${places[run]}/outcome.json ]] && ! is_active "${job[run]}"; then
      gone=yes
      cluster=${places[run]##*/}
      if [[ $cluster =~ ^[0-9]{8}- && (-z $oldest || $cluster < $oldest) ]]; then oldest=$cluster; fi
    fi
  done
  if [[ -n $oldest ]]; then ask_sacct "${oldest:0:8}"; fi
}

tell() { # RUN STATUS_DIRECTORY
  local dir=${places[$1]} outcome
  printf 'run %s\n' "$1"
  if [[ -d ${dir%/*} ]]; then echo place; fi
  [[ -d $dir ]] || return
  echo there
  : "$dir"/* # a directory listed is one NFS asks its server for; a name looked for may not be
  if [[ -e $dir/launched ]]; then echo launched; fi
  if [[ -n ${starting[$1]} ]]; then echo starting; fi
  if [[ -e $dir/batch.sh ]]; then echo batch; fi
  if [[ -n ${arrays[$1]} ]]; then printf 'launched\narray %s\n' "${arrays[$1]}"; fi
  if [[ -n ${answers[$1]} ]]; then printf 'answer %s\n' "${answers[$1]}"; fi
  if [[ -n ${process[$1]} ]]; then printf 'process %s\n' "${process[$1]}"; fi
  if [[ -e $dir/outcome.json ]]; then
    outcome=$(<"$dir/outcome.json")
    printf 'outcome %s\n' "${outcome//$'\n'/}"
    return
  fi
  at_home "$2"
  sed -n -e 's/^ "state": "\([^"]*\)".*/state \1/p' -e 's/^ "heartbeat": "\([^"]*\)".*/heartbeat \1/p' \
    "$place/metadata.json" 2>/dev/null
}

look() { # RUN_DIRECTORY STATUS_DIRECTORY ...
  local run=0
  read_answers "$@"
  ask_slurm
  if [[ -n $gone ]]; then sleep 1; fi
  while (($#)); do
    tell "$run" "$2"
    run=$((run + 1))
    shift 2
  done
  printf 'clock %s\nend\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}

look "$@"
