# enter.sh: become a shell, or a command, where a run is: on its node, in its work directory.
#
# Law: this text is static; a line before it sets `run_dir`, `work` and the words of the command, if any.
# `bash -c` gets both, so that standard input stays what the user types. Nothing runs after it: it
# becomes what it starts.
# shellcheck shell=bash disable=SC2154 # set by the line before this text
set -u
unset BASH_ENV ENV CDPATH

say() { printf 'theseus: %s\n' "$*" >&2; }

arrive() { # RUN_DIR WORK [COMMAND…]
  if ! cd -- "$2" 2>/dev/null; then
    if (($# > 2)); then
      say "its work directory $2 is not there (any more): nothing was started"
      exit 1
    fi
    say "its work directory $2 is not there (any more): this is its run directory"
    cd -- "$1" || exit 1
  fi
  shift 2
  if (($#)); then exec "$@"; fi
  exec "${SHELL:-bash}" -l
}

must_run() { # JOB [CLUSTER]: only a job that runs has a node to go to; sets job to the id srun knows it by
  local said
  if ! said=$(squeue -h -t all -j "$1" ${2:+-M "$2"} -o '%A %T' 2>&1 </dev/null); then
    [[ $said == *'Invalid job id'* ]] || { say "SLURM cannot be asked for its job $1: $said" && exit 1; }
    said=''
  fi
  said=${said##*$'\n'}
  case ${said#* } in
    RUNNING) job=${said%% *} ;;
    PENDING | CONFIGURING | REQUEUED) say "its job $1 has not begun: \`theseus logs\` says why" && exit 1 ;;
    *) say "its job $1 has ended: its node is not the run's any more" && exit 1 ;;
  esac
}

enter() { # RUN_DIR WORK [COMMAND…]
  local kind='' job='' cluster='' terminal=''
  if [[ ! -d $1 ]]; then
    say "there is no such run here: $1"
    exit 1
  fi
  [[ ! -s $1/answer ]] || read -r kind job cluster <"$1/answer"
  if [[ $kind != slurm ]]; then arrive "$@"; fi
  find_slurm
  scrub
  must_run "$job" "$cluster"
  [[ ! -t 0 || ! -t 1 ]] || terminal=--pty
  # srun(1): with --overlap the step shares what the job has, its GPUs too
  exec srun --jobid="$job" ${cluster:+-M "$cluster"} --overlap --nodes=1 --ntasks=1 --export=ALL --chdir=/ \
    ${terminal:+"$terminal"} bash -c "$(declare -f say arrive); arrive \"\$@\"" enter "$@"
}

enter "$run_dir" "$work" ${words[@]+"${words[@]}"}
