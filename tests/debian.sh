#!/bin/bash
# Install the Debian packages that the tests start as services or use as login shells.
# Where it may not (no root, no apt-get), it names what is missing and goes on: those tests then
# say so themselves, and fail in CI.
set -euo pipefail

packages=(
  openssh-server openssh-client tcsh fish zstd strace faketime
  redis-server                                                # where JuiceFS keeps its metadata
  munge slurmctld slurmd slurm-client slurm-wlm-basic-plugins # the cluster of tests/e2e/slurm
  slurmdbd mariadb-server                                     # and its accounting
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]} == 0)); then exit 0; fi
if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
  echo "tests/debian.sh: not installed, and not root on Debian: ${missing[*]}" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # services must not start by themselves
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
