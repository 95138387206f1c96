# slurm.sh: what every script needs that asks SLURM on a login node; it is read before them.
#
# Law: this text is static, and functions alone. They change the environment of the shell that calls
# them, and nothing else.
# shellcheck shell=bash disable=SC2329 # called by the scripts that follow

scrub() { # nothing of an allocation this shell may stand in, or of the user's habits, reaches SLURM
  local name
  for name in "${!SLURM@}" "${!SBATCH_@}" "${!SRUN_@}" "${!SQUEUE_@}" "${!SINFO_@}" "${!SACCT_@}" \
    "${!SCONTROL_@}" "${!SCANCEL_@}"; do
    # where the cluster's own configuration lies, and a token to be let in, is neither
    if [[ $name != SLURM_CONF* && $name != SLURM_JWT ]]; then unset "$name"; fi
  done
}

find_slurm() { # at many sites only the files of login shells, which this is none of, say where it is
  local said=''
  if [[ -n ${slurm_sought-} ]] || command -v squeue >/dev/null; then return; fi
  slurm_sought=yes
  # a NUL, and not the end: what login files start in the background may keep the stream open
  # shellcheck disable=SC2016 # for that shell to expand
  IFS= read -r -t 20 -d '' said < <(
    exec bash -l -c 'printf "\n=\n%s\n%s\n\0" "$PATH" "${SLURM_CONF-}"' </dev/null 2>/dev/null 3>&-
  ) || return 0
  said=${said##*$'\n=\n'}
  PATH=$PATH:${said%%$'\n'*}
  said=${said#*$'\n'}
  said=${said%$'\n'}
  if [[ -n $said ]]; then export SLURM_CONF=${SLURM_CONF:-$said}; fi
}

slurm() { # COMMAND [ARG...]: by the site's settings alone
  find_slurm
  scrub
  "$@"
}
