#!/usr/bin/env bash
# A whole run in one file: its source, its runtime and what starts it. See `bash FILE --help`.
#
# Law: this text is static and ships byte for byte; `#SBATCH` lines may follow the first, and the last
# is followed by the run's data, whose form theseus/core/plan/packed.py tells. Here: laying a run directory
# as the steps of a plan do, with the paths given now, and starting what it holds. What a run is,
# bootstrap.sh knows. Names begin with `packed_`: the environment is the user's, and becomes the job's.
# shellcheck disable=SC2154 # the first of the data says what the run is
trap 'printf "theseus: %s was cut short: copy it here again\n" "$0" >&2; exit 1' EXIT
set -euo pipefail
unset BASH_ENV ENV CDPATH
packed_given_root='' packed_given_work='' packed_given_share='' packed_given_log=''
packed_mine='' packed_help=''
packed_modes=() packed_counts=() packed_files=() packed_begins=()

packed_say() { printf 'theseus: %s\n' "$*"; }

packed_fail() { # MESSAGE [STATUS]
  packed_say "$1" >&2
  exit "${2:-1}"
}

# shellcheck disable=SC2329 # it is called by a trap, which is text to shellcheck
packed_end() { # a run that was not started leaves no claim behind
  local packed_status=$?
  trap - EXIT
  [[ -z $packed_mine ]] || rm -rf -- "$packed_run_dir"
  exit "$packed_status"
}

# --- the words ----------------------------------------------------------------------------------

packed_words() {
  while (($#)); do
    case $1 in
      --root=* | --work=* | --share=* | --log=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
      --root | --work | --share | --log)
        [[ -n ${2:-} ]] || packed_fail "$1 needs a path (see --help)" 2
        packed_absolute "$2"
        printf -v "packed_given_${1#--}" %s "$packed_path"
        shift 2
        ;;
      -h | --help) packed_help=yes && shift ;;
      *) packed_fail "nothing is expected where '$1' stands (see --help)" 2 ;;
    esac
  done
}

packed_absolute() { # PATH: packed_path is PATH from the root, with the `/` at its end if it has one
  [[ $1 != *[[:cntrl:]]* ]] || packed_fail "a path here may hold no control character" 2
  # shellcheck disable=SC2088 # the shell leaves a quoted tilde alone
  case $1 in
    /*) packed_path=$1 ;;
    '~') packed_path=$HOME ;;
    '~/'*) packed_path=$HOME/${1#'~/'} ;;
    *) # as `cd` reads them, so that the path stands when this directory is gone
      local packed_at=$PWD packed_rest=$1/
      while [[ $packed_rest == ./* || $packed_rest == ../* ]]; do
        [[ $packed_rest != ../* ]] || packed_at=${packed_at%/*}
        packed_rest=${packed_rest#*/}
      done
      packed_path=$packed_at/${packed_rest%/}
      ;;
  esac
}

packed_usage() {
  cat <<USAGE
usage: bash $0 [--root DIR] [--work DIR] [--share DIR] [--log FILE_OR_DIR]
       sbatch [options of sbatch] $0 [the same]

Starts the run '$packed_name' ($packed_run) on this machine, or on the nodes that SLURM gave the job.
  --root   storage for data, checkpoints, results and status ($packed_root)
  --work   where the source is unpacked and the job runs ($packed_work)
  --share  what all nodes of the run must see ($packed_share)
  --log    a file, or a directory to make one in (output goes where it is started)
Paths beneath one of these move with it. It starts once; after it was preempted it goes on.
USAGE
  packed_needed | sed 's/^/It needs this variable: /'
}

# --- the data -----------------------------------------------------------------------------------

packed_sha256() { # of standard input
  if command -v sha256sum >/dev/null; then
    sha256sum
  elif command -v shasum >/dev/null; then
    shasum -a 256
  elif command -v openssl >/dev/null; then
    openssl dgst -sha256 -r
  else
    packed_fail "no sha256sum, shasum or openssl here: install one of them"
  fi | cut -d ' ' -f 1
}

packed_open() { # read the index of the data, once they are known to be what was written
  local packed_mark packed_mode packed_lines packed_file packed_at
  command -v base64 >/dev/null || packed_fail "no base64 here: install coreutils"
  [[ -f $0 ]] || packed_fail "this starts as a file, not from a pipe: bash FILE"
  packed_mark=$(grep -n -m 1 '^# theseus-data [0-9a-f]*$' "$0") ||
    packed_fail "$0 was cut short: copy it here again"
  packed_at=$((${packed_mark%%:*} + 1))
  [[ $(tail -n "+$packed_at" "$0" | packed_sha256) == "${packed_mark##* }" ]] ||
    packed_fail "$0 is damaged: copy it here again, as it is"
  while IFS=' ' read -r packed_mode packed_lines packed_file && [[ -n $packed_mode ]]; do
    packed_modes+=("$packed_mode") packed_counts+=("$packed_lines") packed_files+=("$packed_file")
  done < <(tail -n "+$packed_at" "$0")
  packed_at=$((packed_at + ${#packed_files[@]} + 1))
  for packed_lines in "${packed_counts[@]}"; do
    packed_begins+=("$packed_at")
    packed_at=$((packed_at + packed_lines))
  done
}

packed_content() { # INDEX: the content of that file
  local packed_first=${packed_begins[$1]} packed_last
  packed_last=$((packed_first + packed_counts[$1] - 1))
  ((packed_last < packed_first)) || sed -n "$packed_first,${packed_last}p;${packed_last}q" "$0" | base64 -d
}

packed_put() { # INDEX: that file, in its place
  local packed_at=$packed_share/${packed_files[$1]} packed_part=''
  # not by the process id: in containers all that share this directory may have the same
  if ! { packed_part=$(mktemp "$packed_at.part.XXXXXX") && packed_content "$1" >"$packed_part" &&
    chmod "${packed_modes[$1]}" "$packed_part" && mv -f -- "$packed_part" "$packed_at"; }; then
    [[ -z $packed_part ]] || rm -f -- "$packed_part"
    packed_fail "cannot write $packed_at: check --share"
  fi
}

# --- the places ---------------------------------------------------------------------------------

packed_move() { # PATH NAME: packed_path is where it lies now, moved with the innermost place above it
  local packed_at packed_length packed_longest=-1
  packed_path=$1
  for ((packed_at = 0; packed_at < ${#packed_from[@]}; packed_at++)); do
    [[ $1/ == "${packed_from[packed_at]%/}"/* ]] || continue
    # two of them may have been planned in one directory: then the place of that NAME counts
    packed_length=$((${#packed_from[packed_at]} * 2))
    [[ ${packed_names[packed_at]} != "$2" ]] || packed_length=$((packed_length + 1))
    if ((packed_length > packed_longest)); then
      packed_longest=$packed_length
      packed_path=${packed_to[packed_at]}${1#"${packed_from[packed_at]%/}"}
    fi
  done
}

packed_settle() { # NAME PLANNED GIVEN ABOVE: a place as given, or else moved with what it lies beneath
  if [[ -n $3 ]]; then
    packed_path=${3%"${3##*[!/]}"}
    [[ -n $packed_path ]] || packed_fail "--$1 / is no place for a run: name a directory" 2
  else
    packed_move "$2" "$4"
  fi
  packed_names+=("$1") packed_from+=("$2") packed_to+=("$packed_path")
  printf -v "packed_$1" %s "$packed_path"
}

packed_places() { # where the places of the cluster were planned, and where they lie now
  packed_names=() packed_from=() packed_to=()
  packed_settle root "$packed_planned_root" "$packed_given_root" root
  packed_settle work "$packed_planned_work" "$packed_given_work" root
  packed_settle share "$packed_planned_share" "$packed_given_share" work
  packed_run_dir=$packed_share/runs/$packed_run
  packed_log=$packed_given_log
  if [[ -n $packed_log ]]; then
    if [[ $packed_log == */ || -d $packed_log ]]; then packed_log=${packed_log%/}/$packed_log_name; fi
    packed_names+=(log) packed_from+=("$packed_planned_log") packed_to+=("${packed_log%/*}")
  fi
}

packed_moved() { # a line for each variable of job.env that holds a place which lies elsewhere now
  local packed_variable packed_above
  unset "${!THESEUS_@}" UV_CACHE_DIR
  # shellcheck source=/dev/null # made by this file itself
  source "$packed_run_dir/job.env"
  for packed_variable in "${!THESEUS_@}" UV_CACHE_DIR; do
    case $packed_variable in
      THESEUS_WORK_DIR) packed_above=work ;;
      THESEUS_ARCHIVE | THESEUS_RUNTIME | THESEUS_SHARE | THESEUS_TOOLS | THESEUS_AFTER) packed_above=share ;;
      *) packed_above=root ;;
    esac
    packed_move "${!packed_variable:-}" "$packed_above"
    [[ $packed_path == "${!packed_variable:-}" ]] || printf '%s=%q\n' "$packed_variable" "$packed_path"
  done
  packed_path=$packed_log
  # without --log it is where standard output goes, if that is a file
  [[ -n $packed_path ]] || packed_path=$(readlink "/proc/$$/fd/1") && [[ -f $packed_path ]] || packed_path=''
  printf 'THESEUS_LOG=%q\n' "${packed_log:-$packed_path}"
}

packed_json() { # TEXT: as a JSON string
  local packed_text=${1//\\/\\\\}
  printf '"%s"' "${packed_text//\"/\\\"}"
}

packed_cluster() { # the places of the cluster, as the runtime tells a job
  local packed_at packed_comma=''
  printf '{'
  for ((packed_at = 0; packed_at < ${#packed_paths[@]}; packed_at += 2)); do
    packed_move "${packed_paths[packed_at + 1]}" "${packed_paths[packed_at]}"
    printf '%s"%s": %s' "$packed_comma" "${packed_paths[packed_at]}" "$(packed_json "$packed_path")"
    packed_comma=', '
  done
  printf '}\n'
}

# --- secrets: text, and variables of the environment it is started in ------------------------------

packed_needed() { # the variables, each once
  local packed_at
  for ((packed_at = 0; packed_at < ${#packed_secrets[@]}; packed_at += 3)); do
    if [[ ${packed_secrets[packed_at + 1]} == variable ]]; then printf '%s\n' "${packed_secrets[packed_at + 2]}"; fi
  done | sort -u
}

packed_check_secrets() {
  local packed_variable packed_missing=''
  for packed_variable in $(packed_needed); do
    [[ -n ${!packed_variable+set} ]] || packed_missing+=" $packed_variable"
  done
  [[ -z $packed_missing ]] || packed_fail "not set in the environment:$packed_missing; this file holds no\
 secret: export each and start it again"
}

packed_write_secrets() {
  local packed_at packed_variable packed_value
  for ((packed_at = 0; packed_at < ${#packed_secrets[@]}; packed_at += 3)); do
    if [[ ${packed_secrets[packed_at]} != "${packed_variable:-}" ]]; then
      [[ -z ${packed_variable:-} ]] || printf '%s=%q\n' "$packed_variable" "$packed_value"
      packed_variable=${packed_secrets[packed_at]} packed_value=''
    fi
    case ${packed_secrets[packed_at + 1]} in
      text) packed_value+=${packed_secrets[packed_at + 2]} ;;
      variable) packed_value+=${!packed_secrets[packed_at + 2]} ;;
    esac
  done
  printf '%s=%q\n' "$packed_variable" "$packed_value"
}

# --- the run ------------------------------------------------------------------------------------

packed_in_slurm() { # in a job, and not in a step of one; interactive steps have the highest numbers
  [[ -n ${SLURM_JOB_ID:-} ]] && ((${SLURM_STEP_ID:-4294967290} >= 4294967290))
}

packed_state() { # how the run ended; nothing before it has
  sed -n 's/.*"state": "\([a-z]*\)".*/\1/p' "$packed_run_dir/outcome.json" 2>/dev/null | head -n 1 || true
}

packed_claim() { # the run starts once; the same job of SLURM goes on with it, and anyone once it was preempted
  local packed_ended
  # shellcheck disable=SC2174 # each but the first lies in one before
  mkdir -p -m 0700 -- "$packed_share" "$packed_share/trees" "$packed_share/runtimes" \
    "$packed_share/runs" "$packed_run_dir" || packed_fail "cannot make $packed_run_dir: check --share"
  if mkdir -- "$packed_run_dir/launched" 2>/dev/null; then
    packed_mine=yes
    return
  fi
  if ((${SLURM_RESTART_COUNT:-0})) && [[ "slurm $SLURM_JOB_ID" == "$(cat "$packed_run_dir/answer")" ]]; then
    return
  fi
  packed_ended=$(packed_state)
  # of two that come now, one renames it
  if [[ $packed_ended == preempted ]] &&
    mv -- "$packed_run_dir/outcome.json" "$packed_run_dir/outcome-preempted.json" 2>/dev/null; then
    rm -f -- "$packed_run_dir/job_id"
    return
  fi
  packed_fail "the run $packed_run exists here: it ${packed_ended:-was started and has not ended}; see\
 $packed_run_dir. To run it again, write a new file with \`theseus bootstrap\`"
}

packed_lay() { # the files of the run directory, as the steps of a plan would, with the places as they are now
  local packed_at
  for ((packed_at = 1; packed_at < ${#packed_files[@]}; packed_at++)); do
    case ${packed_files[packed_at]} in
      trees/* | runtimes/*) [[ -e $packed_share/${packed_files[packed_at]} ]] || packed_put "$packed_at" ;;
      *) packed_put "$packed_at" ;;
    esac
  done
  packed_at=$(packed_moved)
  printf '%s\n' "$packed_at" >>"$packed_run_dir/job.env"
  # shellcheck disable=SC2016 # its reader expands it
  printf 'job_argv[${#job_argv[@]} - 1]=%q\n' "$packed_run_dir" >>"$packed_run_dir/job.argv"
  (umask 077 && packed_cluster >"$packed_run_dir/cluster.json")
}

packed_answer() { # as the steps that start a run answer: `slurm JOB`, or `pid start-time boot-id`
  local packed_boot=- packed_stat=0
  if packed_in_slurm; then
    printf 'slurm %s\n' "$SLURM_JOB_ID"
    return
  fi
  [[ ! -r /proc/sys/kernel/random/boot_id ]] || read -r packed_boot </proc/sys/kernel/random/boot_id
  if [[ -r /proc/$$/stat ]]; then
    read -r packed_stat <"/proc/$$/stat"
    # the command name in parentheses may hold spaces; field 22 is the start
    # shellcheck disable=SC2086 # split on purpose: the fields of a line of /proc, of which none is a pattern
    set -- ${packed_stat##*) }
    packed_stat=${20}
  fi
  printf '%s %s %s\n' "$$" "$packed_stat" "$packed_boot"
}

packed_prepare() {
  local packed_variable
  packed_claim
  if [[ ! -e $packed_run_dir/starts ]]; then # a start that goes on finds them as the first one laid them
    packed_check_secrets
    packed_lay
    if ((${#packed_secrets[@]})); then
      (umask 077 && packed_write_secrets >"$packed_run_dir/secrets.env")
    fi
  fi
  for packed_variable in $(packed_needed); do unset "$packed_variable"; done
  packed_answer >"$packed_run_dir/answer.part"
  mv -f -- "$packed_run_dir/answer.part" "$packed_run_dir/answer"
}

packed_visible() { # whether each node of the job sees the run directory
  ((${SLURM_JOB_NUM_NODES:-1} == 1)) ||
    srun --export=ALL --input=none --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" \
      --ntasks-per-node=1 test -r "$packed_run_dir/bootstrap.sh" ||
    packed_fail "not every node of this job sees $packed_run_dir: name a directory on storage they share with --share"
}

packed_start() {
  local packed_starter=bootstrap.sh
  if packed_in_slurm; then
    if [[ -e $packed_run_dir/batch.sh ]]; then
      packed_visible
      packed_starter=batch.sh
    elif ((${SLURM_JOB_NUM_NODES:-1} > 1)); then
      packed_fail "this run was planned for a host without SLURM: it takes one node, not $SLURM_JOB_NUM_NODES"
    fi
  fi
  packed_say "run $packed_run of '$packed_name' starts; its directory: $packed_run_dir"
  # shellcheck source=/dev/null # made by this file itself
  packed_say "results: $(source "$packed_run_dir/job.env" && printf '%s' "$THESEUS_RESULTS_DIR")"
  if [[ -n $packed_log ]]; then
    packed_say "log: $packed_log"
    if ! { mkdir -p -- "${packed_log%/*}/" && (umask 077 && : >>"$packed_log"); }; then
      packed_fail "cannot write $packed_log: check --log"
    fi
    exec >>"$packed_log" 2>&1
  fi
  packed_mine=''
  trap - EXIT
  cd /
  exec bash "$packed_run_dir/$packed_starter" "$packed_run_dir"
}

packed_main() {
  trap packed_end EXIT
  packed_words "$@"
  packed_open
  eval "$(packed_content 0)" # what core/plan/packed.py says of the run
  packed_places
  if [[ -n $packed_help ]]; then
    packed_usage
    exit 0
  fi
  packed_prepare
  packed_start
}

packed_main "$@"
exit
