#!/usr/bin/env bash
# bootstrap.sh RUN_DIRECTORY [START [STATUS MESSAGE]]: from a run directory to a finished job.
#
# In a SLURM job batch.sh has this run on each node, and gives START, the number of earlier starts. The
# first node is the main one and speaks for the run. With STATUS and MESSAGE that end is recorded, no more.
#
# Law: this file is static and shipped byte for byte; what differs from run to run lies beside it
# (job.env, job.argv, setup.sh, secrets.env, payload.json). Here: files, processes, environment.
# Anything cleverer is Python in theseus.runtime. It ends with the job's exit status, and on every
# way out there is an outcome.json. Its names begin with `theseus_`, for job.env may hold any other.
set -euo pipefail
shopt -u patsub_replacement 2>/dev/null || true # bash 5.2: `&` in a replacement is itself
unset BASH_ENV ENV CDPATH GREP_OPTIONS POSIXLY_CORRECT
unset PYTHONHOME PYTHONPATH PYTHONSTARTUP VIRTUAL_ENV UV_PROJECT_ENVIRONMENT
umask u=rwx     # whatever the login files say, the owner can read what the run writes
exec </dev/null # the job asks nobody
set -m          # each child leads a process group, so that a signal reaches all of it

theseus_run_dir=${1:?"usage: bootstrap.sh RUN_DIRECTORY"}
[[ $theseus_run_dir == /* ]] || theseus_run_dir=$PWD/$theseus_run_dir
theseus_stage=environment theseus_message='' theseus_received='' theseus_child='' theseus_last=0 theseus_python=''
theseus_signals=0 theseus_new_tree='' theseus_project='' theseus_uv='' theseus_start=${2:-} theseus_shared=''
theseus_restart_count=${theseus_start:-0} theseus_index=0 theseus_nodes=1 theseus_node=main
theseus_node_dir=$theseus_run_dir theseus_outcome=$theseus_run_dir/outcome.json theseus_speaker='theseus:'

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
  theseus_child='' theseus_last=$theseus_status
  return "$theseus_status"
}

theseus_stop_if_told() {
  [[ -z $theseus_received ]] ||
    theseus_fail 143 "stopped by SIG$theseus_received before the job had started"
}

theseus_noting() { "$@" 2>&1 | tee "$theseus_node_dir/stage.out"; } # the log gets it, and the reason

theseus_reason() { # the last error the noted command printed, or else its last line
  local theseus_pattern
  for theseus_pattern in '^ *(error|fatal|caused by)' '[^[:space:]]'; do
    if grep -iE "$theseus_pattern" "$theseus_node_dir/stage.out" 2>/dev/null | tail -n 1 | grep .; then
      return
    fi
  done
  printf 'no reason was given'
}

theseus_module() { # MODULE [ARG…]: a module of the runtime, on the Python found first
  (cd "$theseus_run_dir" && PYTHONPATH=$theseus_runtime exec "$theseus_python" -m "theseus.runtime.$1" "${@:2}")
}

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

theseus_read() {
  local theseus_name
  set -a
  # shellcheck source=/dev/null
  source ./job.env || theseus_fail 1 "$theseus_run_dir/job.env cannot be read: submit the run again"
  # shellcheck source=/dev/null
  [[ ! -e secrets.env ]] || source ./secrets.env ||
    theseus_fail 1 "secrets.env cannot be read: submit the run again"
  set +a
  for theseus_name in RUN_ID TREE ARCHIVE RUNTIME WORK_DIR STATUS_DIR DATA_DIR CHECKPOINT_DIR \
    RESULTS_DIR TOOLS; do
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

theseus_setup() { # the lines of `setup`: the first that fails ends the run
  [[ -e setup.sh ]] || return 0
  set +euo pipefail # site files such as `module` are not written for these
  trap 'theseus_setup_failed $? "$BASH_COMMAND"' ERR
  # shellcheck source=/dev/null
  source ./setup.sh
  trap - ERR
  set -euo pipefail
  set -m
  umask u=rwx
  theseus_traps
  cd -- "$theseus_run_dir"
}

theseus_setup_failed() { # STATUS COMMAND
  trap - ERR
  theseus_fail "$1" "setup failed with exit status $1 at: $2 (the \`setup\` lines of this host)"
}

# --- python -------------------------------------------------------------------------------------

theseus_python_at() { # COMMAND: theseus_python, when it is new enough
  theseus_python=$("$1" -c 'import sys
sys.exit("too old") if sys.version_info < (3, 9) else print(sys.executable)' 2>/dev/null) &&
    [[ -n $theseus_python ]]
}

theseus_find_python() {
  local theseus_name
  for theseus_name in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9; do
    if theseus_python_at "$theseus_name"; then return; fi
  done
  if theseus_uv_at_hand && theseus_name=$("$theseus_uv" python find '>=3.9' 2>/dev/null) &&
    theseus_python_at "$theseus_name"; then return; fi
  theseus_fail 1 "no python3 of version 3.9 or later on this host: load one in the host's \`setup\`\
 (such as: module load python), or install uv there and run: uv python install"
}

theseus_python_on_path() { # `python3` and `python` mean the Python found, where PATH has no better
  local theseus_name
  for theseus_name in python3 python; do
    (theseus_python_at "$theseus_name") && continue
    mkdir -p "$theseus_node_dir/bin"
    ln -sfn -- "$theseus_python" "$theseus_node_dir/bin/$theseus_name"
  done
  [[ -d $theseus_node_dir/bin ]] || return 0
  theseus_without_colon "$theseus_node_dir/bin" bin
  export PATH="$theseus_path:$PATH"
}

# --- another run first --------------------------------------------------------------------------

theseus_after() { # wait until the run of the directory THESEUS_AFTER has completed
  theseus_run theseus_asking_after || {
    theseus_stop_if_told
    theseus_fail 1 "$(theseus_reason)"
  }
}

theseus_asking_after() { theseus_module after "$theseus_run_dir" "$THESEUS_AFTER" >"$theseus_node_dir/stage.out"; }

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
  theseus_noting mkdir -p -- "$theseus_new_tree" || theseus_fail 1 "cannot make the work directory\
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

theseus_find_project() { # the nearest pyproject.toml that is a project, from the job's directory up
  local theseus_at=$THESEUS_WORK_DIR${THESEUS_SUBDIRECTORY:+/$THESEUS_SUBDIRECTORY}
  [[ -d $theseus_at ]] || theseus_fail 1 "the source has no directory $THESEUS_SUBDIRECTORY"
  while :; do
    if [[ -f $theseus_at/pyproject.toml ]]; then
      # A pyproject.toml without lock and [project] configures tools; there is nothing to install.
      if [[ -f $theseus_at/uv.lock ]] ||
        grep -Eq '^[[:space:]]*\[[[:space:]]*project[[:space:]]*\]' "$theseus_at/pyproject.toml"; then
        theseus_project=$theseus_at
        return
      fi
    fi
    [[ $theseus_at == "$THESEUS_WORK_DIR"/* ]] || return 0
    theseus_at=${theseus_at%/*}
  done
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
    theseus_uv=$(command -v "$theseus_candidate") || continue
    "$theseus_uv" --version >/dev/null 2>&1 && return
  done
  theseus_uv=''
  return 1
}

theseus_find_uv() {
  if theseus_uv_at_hand; then return; fi
  theseus_uv=$theseus_node_dir/uv
  theseus_run theseus_noting theseus_module pinned_uv "$THESEUS_TOOLS" "$theseus_uv" || {
    theseus_stop_if_told
    theseus_fail 1 "cannot install uv ($(theseus_reason)): install it on this host yourself, so\
 that \`uv\` is on PATH or in ~/.local/bin (where pip works: pip install --user uv)"
  }
}

theseus_sync() {
  local -a theseus_groups theseus_options=()
  local theseus_group theseus_dev=--no-dev
  read -ra theseus_groups <<<"${THESEUS_UV_GROUPS:-}"
  for theseus_group in ${theseus_groups[@]+"${theseus_groups[@]}"}; do
    [[ $theseus_group != dev ]] || theseus_dev='' # uv installs `dev` unless it is told not to
    theseus_options+=(--group "$theseus_group")
  done
  cd -- "$theseus_project" && "$theseus_uv" sync --frozen $theseus_dev \
    ${theseus_options[@]+"${theseus_options[@]}"}
}

theseus_build() {
  [[ -n $theseus_project ]] || return 0
  theseus_has_lock || theseus_fail 1 "${theseus_project#"$THESEUS_WORK_DIR"}/pyproject.toml has no\
 uv.lock, so its environment is not reproducible: run \`uv lock\`, commit uv.lock, submit again"
  theseus_find_uv
  export UV_PROJECT_ENVIRONMENT=$theseus_project/.venv
  theseus_say "uv sync in ${theseus_project}"
  theseus_run theseus_noting theseus_sync || {
    theseus_stop_if_told
    theseus_fail "$theseus_last" "uv sync failed ($(theseus_reason)): see the log; try it in a fresh\
 clone (uv sync --frozen), and look whether this host has a network or a filled uv_cache"
  }
  unset UV_PROJECT_ENVIRONMENT
}

theseus_activate() {
  [[ -n $theseus_project ]] || return 0
  export VIRTUAL_ENV=$theseus_project/.venv
  theseus_without_colon "$VIRTUAL_ENV" venv
  export PATH="$theseus_path/bin:$PATH"
  (theseus_python_at python3) || theseus_fail 1 "the project's environment has a Python older than\
 3.9: raise \`requires-python\`, run \`uv lock\`, commit, submit again"
}

# --- the job ------------------------------------------------------------------------------------

theseus_job() {
  # shellcheck source=/dev/null
  source ./job.argv || theseus_fail 1 "$theseus_run_dir/job.argv cannot be read: submit the run again"
  # The supervisor starts in the run directory, for `python -m` puts its directory before PYTHONPATH;
  # it starts the job in the job's own.
  export PYTHONPATH="$theseus_runtime${PYTHONPATH:+:$PYTHONPATH}"
  # shellcheck disable=SC2154 # job.argv sets it
  theseus_run "${job_argv[@]}" || {
    theseus_message="the runtime ended with exit status $theseus_last and left no outcome (137: it was\
 killed, as a host does that runs out of memory)"
    return "$theseus_last"
  }
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
  mv -- "$theseus_outcome.new" "$theseus_outcome"
  [[ $theseus_index == 0 && -n ${THESEUS_STATUS_DIR:-} ]] && mkdir -p -- "$THESEUS_STATUS_DIR" || return 0
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
  [[ -e $theseus_outcome ]] || theseus_record "$theseus_status"
  [[ -z $theseus_new_tree ]] || rm -rf -- "$theseus_new_tree"
  if ((theseus_index)); then # SLURM ends the other nodes at once when one ends badly
    ! grep -qF '"state": "preempted"' "$theseus_outcome" || theseus_status=0
  else
    rm -f -- "${THESEUS_WORK_DIR:-none}".start-*
    grep -qF '"state": "preempted"' outcome.json || rm -f secrets.env
  fi
  if [[ -d ${THESEUS_WORK_DIR:-} && -z $theseus_shared ]]; then
    if grep -qF '"work_dir": null' "$theseus_outcome"; then
      rm -rf -- "$THESEUS_WORK_DIR"
    else
      theseus_say "the work directory is kept: $THESEUS_WORK_DIR"
    fi
  fi
  exit "$theseus_status"
}

theseus_traps() {
  trap '' HUP # the run outlives the connection that started it
  trap 'theseus_signal TERM' TERM
  trap 'theseus_signal INT' INT
  trap theseus_end EXIT
}

cd -- "$theseus_run_dir"
theseus_place
theseus_traps
theseus_begin
theseus_read
theseus_setup
theseus_find_python
[[ -z ${THESEUS_AFTER:-} ]] || theseus_after
[[ -z ${4:-} ]] || { theseus_stage=job && theseus_fail "$3" "$4"; }
theseus_python_on_path
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
theseus_stage=job
theseus_job
