#!/usr/bin/env bash
# clean.sh list SHARE: what lies in a share, by whom it is used, since when, how large it is.
# clean.sh remove SHARE [KIND NAME STAMP]…: remove what is still as it was listed, and unused.
#
# Law: this file is static. It says what there is, and removes what it is told to by name; it never
# chooses. All times are of this machine and its storage. Nothing a live run uses is removed, and
# nothing but archives, runtimes, environments, directories of sweeps and runs and work directories ever is.
# Each answer is a line of fields parted by tabs; no name of theseus's holds a control character.
set -u
shopt -s nullglob
export LC_ALL=C
unset BASH_ENV ENV CDPATH
scrub

day=86400
share=$2
case $share in \~ | \~/*) share=$HOME${share#\~} ;; esac
now=$(date +%s)
jobs='' arrays='' # of SLURM, as `ID COMMENT`, `?` when it did not say; and the run directories of job arrays

ask_slurm() {
  local list
  if compgen -G "$share/runs/*/batch.sh" >/dev/null; then find_slurm; fi
  command -v squeue >/dev/null || return
  jobs=$'\n'$(squeue -h -r -u "$(id -un)" -o '%i %k' 2>/dev/null)$'\n' || jobs='?'
  for list in "$share"/sweeps/*/runs; do
    [[ $jobs != *" theseus:$(basename -- "${list%/runs}")"$'\n'* ]] || arrays+=$(<"$list")
  done
}

changed() { # PATH…: the time of the last change to any of them
  local at last=0
  while read -r at; do ((at <= last)) || last=$at; done < <(stat -c %Y -- "$@" 2>/dev/null)
  printf '%s' "$last"
}

told() { # RUN: its work directory, archive, runtime, status file and log, by its own account
  (
    set +u
    # shellcheck source=/dev/null # made by the plan of the run
    [[ ! -r $1/job.env ]] || source "$1/job.env"
    work=${THESEUS_WORK_DIR-}
    for kept in "${THESEUS_RESULTS_DIR-}" "${THESEUS_CHECKPOINT_DIR-}" "${THESEUS_STATUS_DIR-}"; do
      [[ $kept/ != "$work"/* && $work/ != "$kept"/* ]] || work=''
    done
    [[ ${THESEUS_DATA_DIR-}/ != "$work"/* ]] || work=''
    archive=${THESEUS_ARCHIVE-} runtime=${THESEUS_RUNTIME-}
    archive=${archive##*/} runtime=${runtime##*/}
    archive+=${archive:+" ${archive%.gz}.zst"} # in whichever form it came
    printf '%s\t%s\t%s\t%s\t%s\n' "${work:--}" "${archive:--}" "${runtime:--}" \
      "${THESEUS_STATUS_DIR-}/metadata.json" "${THESEUS_LOG:-/dev/null/none}"
  )
}

read_run() { # RUN: its account, as variables
  local link status log
  IFS=$'\t' read -r work archive runtime status log < <(told "$1")
  environments=''
  while read -r link; do
    environments+="${link##*/} "
  done < <(readlink -- "$1/environment" "$1"/{login,nodes/*}/environment 2>/dev/null)
  stamp=$(changed "$1" "$1"/* "$status" "$log")
}

lives() { # RUN STAMP: may it still be at work? Where that cannot be told, what changed lately is
  local kind='' start='' boot='' stat here=-
  read -r kind start boot 2>/dev/null <"$1/answer"
  [[ $jobs != *" theseus:${1##*/}"$'\n'* ]] || return 0
  [[ $kind != slurm || $jobs != *$'\n'"$start "* ]] || return 0 # of an array, or with another comment
  if [[ -e $1/outcome.json ]]; then return 1; fi
  case $kind in
    '') [[ $arrays != *"/${1##*/}"* ]] || return 0 ;;
    slurm) [[ $jobs == '?' || -n $boot ]] && return 0 ;; # a job of another cluster is not seen here
    [0-9]*)
      read -r here 2>/dev/null </proc/sys/kernel/random/boot_id
      if [[ $boot == "$here" ]]; then
        { read -r stat <"/proc/$kind/stat"; } 2>/dev/null || return 1
        # shellcheck disable=SC2086 # split on purpose: the fields of a line of /proc, of which none is a pattern
        set -- ${stat##*) }
        [[ $1 != Z && ${20} == "$start" ]]
        return
      fi
      ;;
  esac
  (($2 > now - day))
}

sizes() { # [PATH…]: how large each is, in KiB
  (($# == 0)) || du -sk -- "$@" 2>/dev/null | sed 's/^/size\t/'
}

list() {
  local run path work archive runtime environments stamp state
  local kind target
  local -a sized=()
  ask_slurm
  printf 'now\t%s\n' "$now"
  for run in "$share"/runs/*/; do
    run=${run%/}
    read_run "$run"
    state=ended
    ! lives "$run" "$stamp" || state=live
    [[ -d $work ]] || work=-
    printf 'run\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$run" "$stamp" "$state" "$work" "$archive" "$runtime" "$environments"
    sized+=("$run")
    [[ $work == - ]] || sized+=("$work")
  done
  list_shared
  sizes ${sized[@]+"${sized[@]}"}
}

has_runs() { # SWEEP: has it a job, or is the directory of one of its runs still there?
  [[ $jobs != *" theseus:${1##*/}"$'\n'* ]] || return 0
  (
    run_dirs=()
    # shellcheck source=/dev/null # made by the plan of the sweep
    source "$1/runs" 2>/dev/null
    for run in ${run_dirs[@]+"${run_dirs[@]}"}; do
      if [[ -d $run ]]; then exit 0; fi
    done
    exit 1
  )
}

list_shared() { # archives, runtimes, environments, and sweeps without runs
  local path stamp targets=/
  local -a paths=("$share"/trees/* "$share"/runtimes/*) linked=()
  for path in "$share"/sweeps/*; do
    has_runs "$path" || paths+=("$path")
  done
  sizes ${paths[@]+"${paths[@]}"}
  for path in "$share"/environments/*; do
    if [[ -L $path ]]; then
      linked+=("$path")
      targets+=$(readlink -- "$path")/
    fi
  done
  for path in "$share"/environments/*; do
    if [[ -d $path && ! -L $path ]]; then
      sizes "$path"
      [[ $targets == */"${path##*/}"/* ]] || paths+=("$path")
    fi
  done
  paths+=(${linked[@]+"${linked[@]}"})
  ((${#paths[@]})) || return 0
  while IFS=' ' read -r stamp path; do
    kind_of "$path"
    printf '%s\t%s\t%s\t%s\n' "$kind" "$path" "$stamp" "$target"
  done < <(stat -c '%Y %n' -- "${paths[@]}")
}

kind_of() { # PATH: what it is called in a list, and where what takes up room lies
  target=$1
  case $1 in
    *.removing) kind=rest ;;
    *.part.*) kind=upload ;;
    "$share"/trees/*) kind=tree ;;
    "$share"/runtimes/*) kind=runtime ;;
    "$share"/sweeps/*) kind=sweep ;;
    *) kind=build ;;
  esac
  if [[ $kind == build && -L $1 ]]; then
    kind=environment target=${1%/*}/$(readlink -- "$1")
  fi
}

# --- removal ------------------------------------------------------------------------------------

erase() { # PATH…: read-only directories too
  chmod -R u+rwX -- "$@" 2>/dev/null
  rm -rf -- "$@"
}

used() { # everything live runs use: names of archives, runtimes and environments, one a line
  local run work archive runtime environments stamp
  for run in "$share"/runs/*/; do
    read_run "${run%/}"
    ! lives "${run%/}" "$stamp" || printf '%s\n' "${archive// /$'\n'}" "$runtime" "${environments// /$'\n'}"
  done
}

remove_run() { # KIND NAME STAMP: a run directory, or the work directory of a run
  local run=$share/runs/$2 work archive runtime environments stamp
  read_run "$run"
  if [[ $stamp != "$3" ]] || lives "$run" "$stamp"; then
    answer "$@" 'it has been used since'
  elif [[ $1 == run ]]; then
    erase "$run" && answer "$@"
  elif [[ $work == /*/* ]]; then
    erase "$work" "$work".new-* "$work".start-* && answer "$@"
  fi
}

place_of() { # KIND NAME: where it lies
  case $1 in
    tree | upload) path=$share/trees/$2 ;;
    runtime) path=$share/runtimes/$2 ;;
    sweep) path=$share/sweeps/$2 ;;
    *)
      path=$share/environments/$2
      [[ $1 != rest || -e $path || -L $path ]] || path=$share/trees/$2
      [[ $1 != rest || -e $path || -L $path ]] || path=$share/runtimes/$2
      [[ $1 != rest || -e $path || -L $path ]] || path=$share/sweeps/$2
      ;;
  esac
}

answer() { # KIND NAME STAMP [REASON]
  if (($# == 3)); then printf 'removed\t%s\t%s\n' "$1" "$2"; else printf 'kept\t%s\t%s\t%s\n' "$1" "$2" "$4"; fi
}

remove() { # [KIND NAME STAMP]…
  local path
  local -a moved=()
  ask_slurm
  while (($#)); do
    case $1/$2 in
      */ | */*/* | */. | */..) ;; # no name
      run/* | work/*) [[ ! -d $share/runs/$2 ]] || remove_run "$1" "$2" "$3" ;;
      *)
        place_of "$1" "$2"
        if ! is_as_listed "$path" "$3"; then
          answer "$1" "$2" "$3" 'it has been used since'
        elif [[ $1 == rest ]]; then
          erase "$path" && answer "$1" "$2" "$3"
        elif mv -T -- "$path" "$path.removing" 2>/dev/null; then # so that nobody takes it up meanwhile
          moved+=("$1" "$2" "$3")
        fi
        ;;
    esac
    shift 3
  done
  ((${#moved[@]} == 0)) || remove_moved "${moved[@]}"
}

is_as_listed() { # PATH STAMP: what is not there any more, is
  local stamp
  stamp=$(stat -c %Y -- "$1" 2>/dev/null) || return 0
  [[ $stamp == "$2" ]]
}

remove_moved() { # [KIND NAME STAMP]…: unless a run has come to use it
  local path put stamp live
  local -A stamps=()
  local -a still=() gone=()
  while IFS=' ' read -r stamp path; do
    stamps[$path]=$stamp
  done < <(stat -c '%Y %n' -- "$share"/*/*.removing)
  while (($#)); do # what was used in the moment before it was moved, a run may look for right now
    place_of "$1" "$2"
    put=$path.removing
    if [[ ${stamps[$put]-} == "$3" ]]; then
      still+=("$1" "$2" "$3")
      touch -hc -- "$put" # by this another cleaner sees that somebody is at it
    else
      put_back "$1" "$2" "$3"
    fi
    shift 3
  done
  set -- ${still[@]+"${still[@]}"}
  live=$'\n'$(used)$'\n'
  while (($#)); do
    place_of "$1" "$2"
    if [[ $live == *$'\n'"$2"$'\n'* ]]; then
      put_back "$1" "$2" "$3"
    else
      [[ $1 != environment ]] || gone+=("${path%/*}/$(readlink -- "$path.removing")")
      gone+=("$path.removing")
      answer "$1" "$2" "$3"
    fi
    shift 3
  done
  ((${#gone[@]} == 0)) || erase "${gone[@]}"
}

put_back() { # KIND NAME STAMP
  mv -nT -- "$path.removing" "$path"
  answer "$@" 'it has been used since'
}

case $1 in
  list) list ;;
  remove) remove "${@:3}" ;;
esac
