#!/usr/bin/env bash
# bootstrap.sh RUN_DIRECTORY [START [STATUS MESSAGE]]: from a run directory to a finished job.
# bootstrap.sh RUN_DIRECTORY login: only build its environment, before it is submitted.
#
# In a SLURM job batch.sh has this run on each node, and gives START, the number of earlier starts. The
# first node is the main one and speaks for the run. With STATUS and MESSAGE that end is recorded, no more.
#
# Law: this file is static and shipped byte for byte; what differs from run to run lies beside it
# (job.env, user.env, secrets.env, modules, setup.sh, job.argv, payload.json). Here: files, processes,
# environment. Anything cleverer is Python in theseus.runtime. It ends with the job's exit status, and on
# every way out there is an outcome.json. What the user sets may be anything (PATH, HOME, IFS, …): it
# holds in processes of their own, never in this one. Names begin with `theseus_`, for setup has any other.
set -euo pipefail
shopt -u patsub_replacement 2>/dev/null || true # bash 5.2: `&` in a replacement is itself
unset BASH_ENV ENV CDPATH GREP_OPTIONS POSIXLY_CORRECT
unset PYTHONHOME PYTHONPATH PYTHONSTARTUP VIRTUAL_ENV UV_PROJECT_ENVIRONMENT
umask u=rwx,o-w # whatever the login files say: the owner can read what the run writes, and not everybody write
exec </dev/null # the job asks nobody
set -m          # each child leads a process group, so that a signal reaches all of it

theseus_run_dir=${1:?"usage: bootstrap.sh RUN_DIRECTORY"}
[[ $theseus_run_dir == /* ]] || theseus_run_dir=$PWD/$theseus_run_dir
theseus_stage=environment theseus_message='' theseus_received='' theseus_child='' theseus_last=0 theseus_python=''
theseus_signals=0 theseus_new_tree='' theseus_undone='' theseus_project='' theseus_listed='' theseus_uv='' theseus_start=${2:-} theseus_shared=''
theseus_restart_count=${theseus_start:-0} theseus_index=0 theseus_nodes=1 theseus_node=main
theseus_node_dir=$theseus_run_dir theseus_outcome=$theseus_run_dir/outcome.json theseus_speaker='theseus:'
theseus_password='' theseus_status_dir='' theseus_entered='' theseus_keeper=''
theseus_users='' theseus_exported='' theseus_first_on_path='' theseus_borrowed=''

theseus_say() { printf '%s %s\n' "$theseus_speaker" "$*"; }

theseus_fail() { # STATUS MESSAGE
  theseus_message=$2
  theseus_say "$2" >&2
  exit "$1"
}

# --- children and signals -----------------------------------------------------------------------

theseus_signal() { # NAME: remember it and hand it on; what runs decides how to end
  theseus_received=$1 theseus_signals=$((theseus_signals + 1))
  { sleep 0.1 || true; } 2>/dev/null # SLURM tells all at once: two that arrive together count as one
  [[ -z $theseus_child ]] || kill -s "$1" -- "-$theseus_child" 2>/dev/null || true
}

theseus_run() { # COMMAND…: its exit status, though signals come in between
  local theseus_status theseus_before
  theseus_stop_if_told
  "$@" &
  theseus_child=$!
  [[ -z $theseus_received ]] || theseus_signal "$theseus_received"
  while :; do # bash(1): a trapped signal makes `wait` return at once, with a status over 128
    theseus_before=$theseus_signals theseus_status=0
    wait "$theseus_child" 2>/dev/null || theseus_status=$?
    [[ $theseus_signals != "$theseus_before" ]] || break
  done
  # bash 5.2 loses the status of a child that ends in the moment a signal comes, and says -1 or that of the signal
  if ((theseus_signals && (theseus_status < 0 || theseus_status > 128))); then
    theseus_status=$(theseus_recorded "$theseus_status")
  fi
  theseus_child='' theseus_last=$theseus_status
  return "$theseus_status"
}

theseus_recorded() { # STATUS: the one that stands in the outcome; without an outcome, STATUS, or that of what SIGTERM ended
  sed -n 's/.*"exit_status": \([0-9]*\).*/\1/p' "$theseus_outcome" 2>/dev/null | grep . || echo "$(($1 < 0 ? 143 : $1))"
}

theseus_stop_if_told() {
  [[ -z $theseus_received ]] ||
    theseus_fail 143 "stopped by SIG$theseus_received before the job had started"
}

theseus_noting() { "$@" 2>&1 | tee "$theseus_node_dir/stage.out"; } # the log gets it, and the reason

theseus_reason() { # what the storage said, or the last error the noted command printed, or its last line
  local theseus_pattern theseus_storage='no space left|quota exceeded|read-only file system|input/output error|wrote only'
  for theseus_pattern in "$theseus_storage" '^ *(error|fatal|caused by)' '[^[:space:]]'; do
    if grep -iE "$theseus_pattern" "$theseus_node_dir/stage.out" 2>/dev/null | tail -n 1 | grep .; then
      return
    fi
  done
  printf 'no reason was given'
}

theseus_module() { # MODULE [ARG…]: a module of the runtime, on the Python found first
  (
    [[ -z $theseus_borrowed ]] || theseus_enter
    cd -- "$theseus_run_dir" && PYTHONPATH=$theseus_runtime exec "$theseus_python" -S -m "theseus.runtime.$1" "${@:2}"
  )
}

theseus_module_as_user() { theseus_borrowed=yes theseus_module "$@"; }

# --- what the run directory says ----------------------------------------------------------------

theseus_place() { # which of the run's nodes this is, and where its own files lie
  [[ -n $theseus_start ]] || return 0
  theseus_index=${SLURM_PROCID:-0} theseus_nodes=${SLURM_STEP_NUM_NODES:-1} theseus_node=$SLURMD_NODENAME
  theseus_together=$theseus_run_dir/start-$theseus_start
  ((theseus_index)) || return 0
  theseus_speaker="theseus: $theseus_node:"
  theseus_node_dir=$theseus_run_dir/nodes/$theseus_node
  theseus_outcome=$theseus_together/$theseus_index.json
  mkdir -p -- "$theseus_node_dir" "$theseus_together"
}

theseus_login() { # build the environment of a run here, where its nodes cannot; the run does not begin
  theseus_node_dir=$theseus_run_dir/login
  mkdir -p -- "$theseus_node_dir"
  theseus_read
  theseus_setup
  theseus_find_python
  THESEUS_WORK_DIR=$theseus_node_dir/source
  rm -rf -- "$THESEUS_WORK_DIR"
  theseus_unpack
  theseus_find_project
  theseus_build
  [[ -z $theseus_project || -L $theseus_project/.venv ]] || theseus_fail 1 "an environment that serves\
 one run alone cannot be built on a login node: set \`env_on: node\` for this host"
}

theseus_login_end() {
  local theseus_status=$?
  trap - EXIT ERR
  rm -rf -- "$theseus_run_dir"/login/source*
  ((theseus_status == 0)) || rm -f -- "$theseus_run_dir/secrets.env"
  exit "$theseus_status"
}

theseus_begin() { # a run starts once, and again only after it was preempted; batch.sh sees to it itself
  rm -f "$theseus_node_dir/job.group" "$theseus_node_dir/stage.out"
  [[ -z $theseus_start ]] || return 0
  if [[ -e outcome.json ]]; then
    if ! grep -qF '"state": "preempted"' outcome.json; then
      trap - EXIT
      theseus_say "this run has ended, see $theseus_run_dir/outcome.json: submit it as a new run" >&2
      exit 1
    fi
    mv outcome.json outcome-preempted.json
  fi
  [[ ! -s starts ]] || read -r theseus_restart_count <starts
  printf '%s\n' "$((theseus_restart_count + 1))" >starts.new
  mv starts.new starts
}

theseus_begin_if_wanted() { # it may have been cancelled before it began, or before it was started again
  [[ -e cancelled ]] || return 0
  theseus_received=TERM
  theseus_fail 143 'cancelled'
}

theseus_read() {
  local theseus_name
  # those of the login's environment: the lease says which GPUs the job may see
  [[ ! -e lease.json ]] || unset CUDA_VISIBLE_DEVICES HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES
  set -a
  # shellcheck source=/dev/null # the plan makes it, and it lies on the host alone
  source ./job.env || theseus_fail 1 "$theseus_run_dir/job.env cannot be read: submit the run again"
  set +a
  for theseus_name in RUN_ID TREE ARCHIVE RUNTIME WORK_DIR STATUS_DIR DATA_DIR CHECKPOINT_DIR \
    RESULTS_DIR SHARE TOOLS; do
    theseus_name=THESEUS_$theseus_name
    [[ -n ${!theseus_name:-} ]] || theseus_fail 1 "job.env lacks $theseus_name: submit the run again"
  done
  export THESEUS_RESTART_COUNT=$theseus_restart_count
  # shellcheck disable=SC2153 # job.env sets it
  [[ -e $THESEUS_RUNTIME ]] ||
    theseus_fail 1 "the runtime $THESEUS_RUNTIME is not there: submit the run again"
  theseus_without_colon "$THESEUS_RUNTIME" runtime.zip
  theseus_runtime=$theseus_path
}

theseus_without_colon() { # PATH NAME: theseus_path is PATH as PATH and PYTHONPATH can hold it
  theseus_path=$1
  [[ $1 == *:* ]] || return 0
  theseus_path=$theseus_node_dir/$2
  [[ $theseus_path != *:* ]] || theseus_fail 1 "$1 holds a colon, which no search path can:\
 choose another \`share\` for this cluster"
  ln -sfn -- "$1" "$theseus_path"
}

# --- the user's environment ----------------------------------------------------------------------

theseus_setup() { # what the user sets, the modules and the lines of `setup`: theseus_users is their effect
  local theseus_file theseus_status
  theseus_file=$(mktemp 2>/dev/null || mktemp -p "$theseus_node_dir") ||
    theseus_fail 1 "cannot make a file in ${TMPDIR:-/tmp} or $theseus_node_dir: make room there"
  theseus_exported=$(compgen -e | grep -vE '^THESEUS_|^(CUDA|HIP|ROCR)_VISIBLE_DEVICES$')
  # shellcheck disable=SC2094 # written first, then read
  exec 8>"$theseus_file" 9<"$theseus_file"
  rm -f -- "$theseus_file" # it holds secrets soon: it has no name by then, and is gone with this process
  set +e                   # not `||`: in what stands before it, the trap on ERR that names a failing line does not work
  theseus_run theseus_set_up
  theseus_status=$?
  set -e
  theseus_stop_if_told
  theseus_users=$(cat <&9)
  exec 8>&- 9<&-
  ((theseus_status == 0)) || theseus_fail "$theseus_status" \
    "${theseus_users:-"setup ended with exit status $theseus_status (the \`setup\` lines of this host)"}"
  [[ $theseus_users == *$'\n': ]] ||
    theseus_fail 1 "setup left its shell before its end (the \`setup\` lines of this host): it must not exit"
}

theseus_set_up() {  # a process of its own; writes shell text to 8, or on a failure its message
  set +euo pipefail # site files such as `module` are not written for these
  theseus_own=("${!THESEUS_@}")
  for theseus_name in CUDA HIP ROCR; do
    theseus_name+=_VISIBLE_DEVICES
    [[ -z ${!theseus_name+set} && ! -e lease.json ]] || theseus_own+=("$theseus_name")
  done
  set -a
  for theseus_name in user.env secrets.env; do
    # shellcheck source=/dev/null # made by the plan, or by the performer
    [[ ! -e $theseus_name ]] || source "./$theseus_name" || {
      printf '%s' "$theseus_name cannot be read: submit the run again" >&8
      exit 1
    }
  done
  set +a
  unset THESEUS_MOUNT_PASSWORD
  [[ ! -e modules ]] || theseus_load || exit
  if [[ -e setup.sh ]]; then
    trap 'theseus_setup_failed $? "$BASH_COMMAND"' ERR
    # shellcheck source=/dev/null # it holds lines of the user, which are checked nowhere
    source ./setup.sh
    trap - ERR
  fi
  unset "${theseus_own[@]}" 2>/dev/null # these stay what they are
  set -o posix                          # `export -p` says `export` then; `declare` is local to a function
  {
    export -p
    declare -Fx | while IFS=' ' read -r _ _ theseus_name; do
      declare -f "$theseus_name" && printf 'export -f %s\n' "$theseus_name"
    done
    for theseus_name in c d f l m n s t u v; do
      printf 'ulimit -S%s %s 2>/dev/null\n' "$theseus_name" "$(ulimit -S"$theseus_name")"
    done
    printf 'umask %s; umask u=rwx,o-w\n:\n' "$(umask)"
  } >&8
}

theseus_load() { # the modules of this host
  local -a theseus_modules=()
  local theseus_init
  for theseus_init in "${LMOD_PKG:-/usr/share/lmod/lmod}/init/bash" "${MODULESHOME:-/usr/share/modules}/init/bash" \
    /etc/profile.d/{lmod,z00_lmod,modules,00-modulepath}.sh; do
    # shellcheck source=/dev/null # the site's own file, which is not here
    type module &>/dev/null || [[ ! -r $theseus_init ]] || source "$theseus_init"
  done
  # shellcheck source=/dev/null # it holds lines of the user, which are checked nowhere
  source ./modules
  type module &>/dev/null || {
    printf '%s' "this host has no \`module\` command, and its config wants the modules ${theseus_modules[*]}:\
 remove \`modules\`, or make the command known and load them in \`setup\`" >&8
    return 1
  }
  module load "${theseus_modules[@]}" || theseus_setup_failed $? "module load ${theseus_modules[*]}"
}

theseus_setup_failed() { # STATUS COMMAND
  printf '%s' "setup failed with exit status $1 at: $2 (the \`modules\` and \`setup\` of this host)" >&8
  exit "$1"
}

theseus_enter() { # in a process of its own: have the user's environment from here on
  set +eu
  # shellcheck disable=SC2086 # split on purpose: names of variables, one word each
  unset $theseus_exported
  eval "$theseus_users"
  export PATH="$theseus_first_on_path${PATH:-/usr/bin:/bin}"
}

theseus_as_user() { (theseus_enter && exec "$@"); } # COMMAND…, a program

# --- python -------------------------------------------------------------------------------------

theseus_python_at() { # COMMAND…: theseus_python, when it is new enough
  theseus_python=$("$@" -S -c 'import sys
sys.exit("too old") if sys.version_info < (3, 9) else print(sys.executable)' 2>/dev/null) &&
    [[ -n $theseus_python ]]
}

theseus_find_python() {
  local theseus_name
  for theseus_borrowed in '' yes; do # by itself, or else with all that modules and `setup` have it need
    for theseus_name in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9; do
      if theseus_python_at ${theseus_borrowed:+theseus_as_user} "$theseus_name"; then return; fi
    done
  done
  if theseus_uv_at_hand && theseus_name=$(theseus_as_user "$theseus_uv" python find '>=3.9' 2>/dev/null) &&
    theseus_python_at theseus_as_user "$theseus_name"; then return; fi
  theseus_fail 1 "no python3 of version 3.9 or later on this host: load one in the host's \`setup\`\
 (such as: module load python), or install uv there and run: uv python install"
}

theseus_python_on_path() { # `python3` and `python` mean the Python found, where the user's PATH has no better
  local theseus_name
  for theseus_name in python3 python; do
    (theseus_python_at theseus_as_user "$theseus_name") && continue
    mkdir -p "$theseus_node_dir/bin"
    ln -sfn -- "$theseus_python" "$theseus_node_dir/bin/$theseus_name"
  done
  [[ -d $theseus_node_dir/bin ]] || return 0
  theseus_without_colon "$theseus_node_dir/bin" bin
  theseus_first_on_path=$theseus_path:
}

# --- the mount ----------------------------------------------------------------------------------

theseus_withhold() { # only juicefs is told the password; nothing is written where it will be mounted
  [[ -n ${THESEUS_MOUNT:-} ]] || return 0
  # shellcheck source=/dev/null # made by the performer
  theseus_password=$([[ ! -e secrets.env ]] || source ./secrets.env && printf '%s' "${THESEUS_MOUNT_PASSWORD:-}") || true
  theseus_status_dir=$THESEUS_STATUS_DIR
  [[ $THESEUS_STATUS_DIR != "$THESEUS_MOUNT_POINT"/* ]] || THESEUS_STATUS_DIR=$theseus_node_dir
}

theseus_mount() { # JuiceFS at the cluster's root, shared by the runs of this node
  [[ -n ${THESEUS_MOUNT:-} ]] || return 0
  theseus_entered=yes
  theseus_run theseus_entering || {
    theseus_stop_if_told
    theseus_fail 1 "$(theseus_reason)"
  }
  THESEUS_STATUS_DIR=$theseus_status_dir
  [[ -n ${SLURM_JOB_ID:-} ]] || return 0
  theseus_keeping & # SLURM ends what serves the mount with the job that has started it
  theseus_keeper=$!
  disown # the log need not tell how it ended
}

theseus_entering() {
  [[ -z $theseus_password ]] || export META_PASSWORD=$theseus_password
  PATH=$PATH:$(theseus_enter && printf '%s' "$PATH") # where modules and `setup` have juicefs
  theseus_module mount enter "$$" >"$theseus_node_dir/stage.out"
}

theseus_keeping() {
  [[ -z $theseus_password ]] || export META_PASSWORD=$theseus_password
  theseus_module mount_keeper keep "$$"
}

# --- another run first --------------------------------------------------------------------------

theseus_after() { # wait until the run of the directory THESEUS_AFTER has completed
  # the launch does not wait to hear of GPUs
  (set -C && echo later >lease) 2>/dev/null || true
  theseus_run theseus_asking_after || {
    theseus_stop_if_told
    theseus_fail 1 "$(theseus_reason)"
  }
}

theseus_asking_after() { theseus_module after "$theseus_run_dir" "$THESEUS_AFTER" >"$theseus_node_dir/stage.out"; }

# --- GPUs of a plain host -----------------------------------------------------------------------

theseus_lease() { # for this run alone: a lock on a file for each, see theseus/runtime/lease.py
  local theseus_file theseus_at theseus_kept theseus_pin=''
  local -a theseus_open=()
  theseus_stage=lease
  theseus_run theseus_leasing files "$theseus_run_dir" || theseus_not_leased
  while IFS= read -r theseus_file; do # a lock lasts as long as this descriptor, here and in what is started
    if [[ -f $theseus_file ]] && { exec {theseus_at}<"$theseus_file"; } 2>/dev/null; then
      theseus_open+=("$theseus_at")
    fi
  done <"$theseus_node_dir/stage.out"
  theseus_run theseus_leasing take "$theseus_run_dir" ${theseus_open[@]+"${theseus_open[@]}"} || theseus_not_leased
  {
    read -r theseus_kept
    read -r theseus_pin || true
  } <"$theseus_node_dir/stage.out"
  for theseus_at in ${theseus_open[@]+"${theseus_open[@]}"}; do
    [[ " $theseus_kept " == *" $theseus_at "* ]] || exec {theseus_at}<&-
  done
  [[ -z $theseus_pin ]] || export "${theseus_pin?}"
}

theseus_leasing() { # ACTION RUN_DIRECTORY [DESCRIPTOR…]: as a direct child, which ends when this shell does
  [[ -z $theseus_borrowed ]] || theseus_enter
  cd -- "$theseus_run_dir"
  PYTHONPATH=$theseus_runtime exec "$theseus_python" -S -m theseus.runtime.lease "$@" >"$theseus_node_dir/stage.out"
}

theseus_not_leased() { # 75: the launch waits to hear of it
  theseus_stop_if_told
  if ((theseus_last == 75 || theseus_restart_count)); then theseus_undone=yes; fi
  theseus_fail 1 "$(theseus_reason)"
}

theseus_undo() { # this start has never been: the run may be launched, or started again, later
  if ((theseus_restart_count)); then
    printf '%s\n' "$theseus_restart_count" >starts
    [[ ! -e outcome-preempted.json ]] || mv outcome-preempted.json outcome.json
  else
    rm -rf answer launched starts
  fi
}

# --- unpack -------------------------------------------------------------------------------------

theseus_meet() { # the main node prepares the work directory for those that see it too
  local theseus_mark=$THESEUS_WORK_DIR.start-$theseus_restart_count
  if ((theseus_index == 0)); then
    { mkdir -p -- "${THESEUS_WORK_DIR%/*}" "$theseus_together" && : >"$theseus_mark"; } 2>/dev/null || true
    : >"$theseus_together/begun"
    return
  fi
  theseus_await "$theseus_together/begun"
  [[ -e $theseus_mark ]] || return 0
  theseus_shared=yes
  theseus_await "$theseus_together/prepared"
}

theseus_await() { # FILE: until it is there
  until [[ -e $1 ]]; do
    theseus_stop_if_told
    sleep 0.2
    : "${1%/*}"/* # a directory listed is one NFS asks its server for; a name looked for may not be
  done
}

theseus_extract() { # from standard input: GNU tar takes `a:b` for a file on the host a
  unset TAR_OPTIONS GZIP
  case $THESEUS_ARCHIVE in
    *.zst) zstd -dcq <"$THESEUS_ARCHIVE" | tar -xof - -C "$theseus_new_tree" ;;
    *) tar -xzof - -C "$theseus_new_tree" <"$THESEUS_ARCHIVE" ;;
  esac
}

theseus_unpack() {
  if [[ -d $THESEUS_WORK_DIR ]]; then
    theseus_say "the work directory is there from an earlier start: $THESEUS_WORK_DIR"
    return
  fi
  # a host that has zstd may keep the archive so, beside its usual name
  if [[ -f ${THESEUS_ARCHIVE%.gz}.zst ]]; then THESEUS_ARCHIVE=${THESEUS_ARCHIVE%.gz}.zst; fi
  [[ -f $THESEUS_ARCHIVE ]] ||
    theseus_fail 1 "the source archive $THESEUS_ARCHIVE is not there: submit the run again"
  rm -rf -- "$THESEUS_WORK_DIR".new-* # of a start whose node was lost
  theseus_new_tree=$THESEUS_WORK_DIR.new-$theseus_node-$$
  theseus_noting mkdir -p -m 0700 -- "$theseus_new_tree" || theseus_fail 1 "cannot make the work directory\
 ($(theseus_reason)): check \`work\` of this cluster"
  theseus_run theseus_noting theseus_extract || {
    theseus_stop_if_told
    theseus_fail 1 "cannot unpack $THESEUS_ARCHIVE ($(theseus_reason)): if it is damaged, delete it\
 and submit again; if the disk is full, make room"
  }
  theseus_run theseus_noting theseus_module tree "$theseus_new_tree" "$THESEUS_TREE" || {
    theseus_stop_if_told
    theseus_fail 1 "$THESEUS_ARCHIVE does not hold what was sent ($(theseus_reason)): delete it and\
 submit again"
  }
  mv -- "$theseus_new_tree" "$THESEUS_WORK_DIR"
  theseus_new_tree=''
}

# --- environment --------------------------------------------------------------------------------

theseus_find_project() { # from the job's directory up: a pyproject.toml that is a project, or requirements.txt
  local theseus_at=$THESEUS_WORK_DIR${THESEUS_SUBDIRECTORY:+/$THESEUS_SUBDIRECTORY}
  [[ -d $theseus_at ]] || theseus_fail 1 "the source has no directory $THESEUS_SUBDIRECTORY"
  while :; do
    if [[ -f $theseus_at/pyproject.toml ]]; then
      # A pyproject.toml without lock and [project] configures tools; there is nothing to install.
      if [[ -f $theseus_at/uv.lock ]] ||
        grep -Eq '^[[:space:]]*\[[[:space:]]*project[[:space:]]*\]' "$theseus_at/pyproject.toml"; then
        theseus_project=$theseus_at theseus_listed=''
        return
      fi
    fi
    [[ -n $theseus_listed || ! -f $theseus_at/requirements.txt ]] || theseus_listed=$theseus_at
    [[ $theseus_at == "$THESEUS_WORK_DIR"/* ]] || break
    theseus_at=${theseus_at%/*}
  done
  theseus_project=$theseus_listed
}

theseus_has_lock() { # a workspace keeps one lock at its root
  local theseus_at=$theseus_project
  until [[ -f $theseus_at/uv.lock ]]; do
    [[ $theseus_at == "$THESEUS_WORK_DIR"/* ]] || return 1
    theseus_at=${theseus_at%/*}
  done
}

theseus_uv_at_hand() {
  local theseus_candidate
  for theseus_candidate in uv ~/.local/bin/uv; do
    theseus_uv=$(theseus_enter && command -v "$theseus_candidate") || continue
    theseus_as_user "$theseus_uv" --version >/dev/null 2>&1 && return
  done
  theseus_uv=''
  return 1
}

theseus_find_uv() {
  if theseus_uv_at_hand; then return; fi
  theseus_uv=$theseus_node_dir/uv
  theseus_run theseus_noting theseus_module_as_user pinned_uv "$THESEUS_TOOLS" "$theseus_uv" || {
    theseus_stop_if_told
    theseus_fail 1 "cannot install uv ($(theseus_reason)): install it on this host yourself, so\
 that \`uv\` is on PATH or in ~/.local/bin (where pip works: pip install --user uv)"
  }
}

theseus_build() { # the project's environment at .venv: one that runs share, else its own
  local theseus_tried='uv sync' theseus_by_hand='uv sync --frozen'
  [[ -n $theseus_project ]] || return 0
  [[ -n $theseus_listed ]] || theseus_has_lock ||
    theseus_fail 1 "${theseus_project#"$THESEUS_WORK_DIR"}/pyproject.toml has no uv.lock, so its\
 environment is not reproducible: run \`uv lock\`, commit uv.lock, submit again"
  if theseus_run theseus_environment environments "$theseus_run_dir/login"; then return; fi
  theseus_stop_if_told
  ((theseus_last == 69)) || theseus_fail 1 "the environment cannot be looked for ($(theseus_reason))"
  theseus_find_uv
  [[ -z $theseus_listed ]] || theseus_tried='uv pip install' theseus_by_hand='uv pip install -r requirements.txt'
  theseus_run theseus_environment environment_build "$theseus_uv" || {
    theseus_stop_if_told
    theseus_fail "$theseus_last" "$theseus_tried failed ($(theseus_reason)): see the log; try it in a fresh clone\
 ($theseus_by_hand), and look whether this host has a network or a filled uv_cache"
  }
}

theseus_environment() { # MODULE [LOGIN | UV]
  theseus_noting theseus_module_as_user "$1" "$theseus_node_dir" "$theseus_project" "${@:2}"
}

theseus_activate() {
  [[ -n $theseus_project ]] || return 0
  theseus_users+=$'\n'"export VIRTUAL_ENV=$(printf %q "$theseus_project/.venv")"
  # shellcheck disable=SC2016 # expanded there; `uv run` takes what is shared as it is
  [[ ! -L $theseus_project/.venv ]] || theseus_users+=$'\n''export UV_NO_SYNC=${UV_NO_SYNC:-1}'
  theseus_without_colon "$theseus_project/.venv" venv
  theseus_first_on_path=$theseus_path/bin:$theseus_first_on_path
  theseus_is_new "$theseus_project/.venv" || theseus_fail 1 "the project's environment has a Python older than\
 3.9: raise \`requires-python\`, run \`uv lock\`, commit, submit again"
}

theseus_is_new() { # ENVIRONMENT: whether its Python is 3.9 or later, by its own account
  local theseus_key theseus_value
  while IFS=' =' read -r theseus_key theseus_value; do
    case $theseus_key in version | version_info) [[ $theseus_value != 3.[0-8].* ]] || return 1 ;; esac
  done <"$1/pyvenv.cfg"
}

# --- the job ------------------------------------------------------------------------------------

theseus_job() {
  # shellcheck source=/dev/null # the plan makes it, and it lies on the host alone
  source ./job.argv || theseus_fail 1 "$theseus_run_dir/job.argv cannot be read: submit the run again"
  theseus_run theseus_supervise || {
    theseus_message="the runtime ended with exit status $theseus_last and left no outcome (137: it was\
 killed, as a host does that runs out of memory; else see the log: a variable that is set for this run,\
 such as PYTHONHOME or LD_LIBRARY_PATH, may keep Python from starting)"
    return "$theseus_last"
  }
}

theseus_supervise() { # in a process of its own, which signals are sent to: it becomes the supervisor
  theseus_enter
  # It starts in the run directory, for `python -m` puts its directory before PYTHONPATH; it starts the
  # job in the job's own.
  cd -- "$theseus_run_dir" || exit
  export PYTHONPATH="$theseus_runtime${PYTHONPATH:+:$PYTHONPATH}"
  # shellcheck disable=SC2154 # job.argv sets it
  exec "${job_argv[@]}"
}

# --- the end ------------------------------------------------------------------------------------

theseus_json() { # TEXT: as a JSON string
  local theseus_text=$1 theseus_slash=\\ theseus_quote=\"
  theseus_text=${theseus_text//"$theseus_slash"/$theseus_slash$theseus_slash}
  theseus_text=${theseus_text//"$theseus_quote"/$theseus_slash$theseus_quote}
  printf '"%s"' "${theseus_text//[[:cntrl:]]/ }"
}

theseus_record_by_hand() { # STATE STATUS MESSAGE KEPT: where no Python can
  local theseus_now theseus_kept=null
  theseus_now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  [[ -z $4 ]] || theseus_kept=$(theseus_json "$4")
  printf '{"state": "%s", "exit_status": %d, "signal": null, "stage": "%s", "message": %s, "ended_at": "%s", "work_dir": %s}\n' \
    "$1" "$2" "$theseus_stage" "$(theseus_json "$3")" "$theseus_now" "$theseus_kept" >"$theseus_outcome.new"
  [[ $theseus_index != 0 || $1 == preempted ]] || rm -f secrets.env # before it is said that the run has ended
  mv -- "$theseus_outcome.new" "$theseus_outcome"
  # shellcheck disable=SC2174 # the directories above it are shared with other runs, of others perhaps
  [[ $theseus_index == 0 && -n ${THESEUS_STATUS_DIR:-} ]] && mkdir -p -m 0700 -- "$THESEUS_STATUS_DIR" || return 0
  printf '{"run": {"id": %s}, "state": "%s", "exit_status": %d, "message": %s, "heartbeat": "%s", "ended_at": "%s", "restart_count": %d}\n' \
    "$(theseus_json "${THESEUS_RUN_ID:-}")" "$1" "$2" "$(theseus_json "$3")" "$theseus_now" \
    "$theseus_now" "$theseus_restart_count" >"$THESEUS_STATUS_DIR/metadata.json.new"
  mv -- "$THESEUS_STATUS_DIR/metadata.json.new" "$THESEUS_STATUS_DIR/metadata.json"
}

theseus_record() { # STATUS: the outcome, where the runtime could not write one
  local theseus_state=failed theseus_kept=''
  [[ -z $theseus_received ]] || theseus_state=preempted
  : "${theseus_message:="the $theseus_stage stage ended with exit status $1 without saying why"}"
  [[ ! -d ${THESEUS_WORK_DIR:-} ]] || theseus_kept=$THESEUS_WORK_DIR
  if [[ -n $theseus_python ]] && theseus_module early_end "$theseus_run_dir" "$theseus_state" \
    "$theseus_stage" "$1" "$theseus_message" "$theseus_kept"; then return; fi
  [[ $theseus_state != preempted || ! -e cancelled || $theseus_index != 0 ]] || theseus_state=cancelled
  theseus_record_by_hand "$theseus_state" "$1" "$theseus_message" "$theseus_kept"
}

theseus_end() {
  local theseus_status=$?
  trap - EXIT ERR
  trap '' TERM INT # nothing interrupts the record
  set +eu
  cd -- "$theseus_run_dir" || exit "$theseus_status"
  if [[ -s $theseus_node_dir/job.group ]]; then # the runtime died before its job
    kill -s KILL -- "-$(<"$theseus_node_dir/job.group")" 2>/dev/null
    rm -f "$theseus_node_dir/job.group"
  fi
  if [[ -n $theseus_undone ]]; then theseus_undo; fi
  [[ -e $theseus_outcome || -n $theseus_undone ]] || theseus_record "$theseus_status"
  [[ -z $theseus_new_tree ]] || rm -rf -- "$theseus_new_tree"
  if ((theseus_index)); then # SLURM ends the other nodes at once when one ends badly
    ! grep -qF '"state": "preempted"' "$theseus_outcome" || theseus_status=0
  else
    rm -f -- "${THESEUS_WORK_DIR:-none}".start-*
    grep -qsF '"state": "preempted"' outcome.json || rm -f secrets.env
  fi
  if [[ -d ${THESEUS_WORK_DIR:-} && -z $theseus_shared ]]; then
    if grep -qF '"work_dir": null' "$theseus_outcome"; then
      rm -rf -- "$THESEUS_WORK_DIR"
    else
      theseus_say "the work directory is kept: $THESEUS_WORK_DIR"
    fi
  fi
  if [[ -n $theseus_keeper ]]; then
    kill -s KILL -- "-$theseus_keeper" 2>/dev/null
    theseus_module mount_keeper hand_over "$$"
  fi
  [[ -z $theseus_entered ]] || theseus_module mount leave "$$"
  exit "$theseus_status"
}

theseus_traps() {
  trap '' HUP # the run outlives the connection that started it
  trap 'theseus_signal TERM' TERM
  trap 'theseus_signal INT' INT
  if [[ $theseus_start == login ]]; then trap theseus_login_end EXIT; else trap theseus_end EXIT; fi
}

cd -- "$theseus_run_dir"
if [[ $theseus_start == login ]]; then
  theseus_restart_count=0
  theseus_traps
  theseus_login
  exit
fi
theseus_place
theseus_traps
theseus_begin
theseus_read
theseus_withhold
theseus_begin_if_wanted
theseus_setup
theseus_find_python
theseus_mount
[[ -z ${THESEUS_AFTER:-} ]] || theseus_after
[[ -z ${4:-} ]] || { theseus_stage=job && theseus_fail "$3" "$4"; }
[[ ! -e lease.json ]] || theseus_lease
theseus_stage=unpack
((theseus_nodes == 1)) || theseus_meet
[[ -n $theseus_shared ]] || theseus_unpack
theseus_stage=environment
theseus_find_project
if [[ -z $theseus_shared ]]; then
  theseus_build
  ((theseus_nodes == 1 || theseus_index)) || : >"$theseus_together/prepared"
fi
theseus_activate
[[ -n $theseus_project ]] || theseus_python_on_path
theseus_stage=job
theseus_job
