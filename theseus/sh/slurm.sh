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
  local said='' found
  if [[ -n ${slurm_sought-} ]] || command -v squeue >/dev/null; then return; fi
  slurm_sought=yes
  # between NULs, of which login files may print some, and not to the end: what they start in the
  # background may keep the stream open, and would keep a turn (see perform.sh)
  while IFS= read -r -t 20 -d '' said && [[ $said != $'=\n'* ]]; do :; done < <(
    exec bash -l -c 'printf "\0=\n%s\n%s\n\0" "$PATH" "${SLURM_CONF-}"' </dev/null 2>/dev/null 3>&- 9>&-
  )
  [[ $said == $'=\n'*$'\n'*$'\n' ]] || return 0
  said=${said#$'=\n'}
  found=${said%%$'\n'*}
  PATH=$PATH${found:+:$found} # an empty place is the current directory
  said=${said#*$'\n'}
  said=${said%$'\n'}
  if [[ -n $said ]]; then export SLURM_CONF=${SLURM_CONF:-$said}; fi
}

slurm() { # COMMAND [ARG...]: by the site's settings alone
  find_slurm
  scrub
  "$@"
}
