#!/bin/bash
# machine.sh FOLDER NAME COMMAND…: the first process of a machine of the cluster in FOLDER.
# It starts in new uts, mount and pid namespaces, gives them a host name, lays FOLDER/etc over /etc
# and the machine's own scratch over FOLDER/scratch, and reaps what jobs leave behind. When it ends,
# the kernel ends every process of the machine.
set -euo pipefail

folder=$1 name=$2
shift 2
if [[ $$ != 1 ]]; then
  echo "machine.sh: process $$ is not the first of a pid namespace: start it with unshare" >&2
  exit 2
fi
hostname "$name"
for entry in "$folder"/etc/*; do
  mount --bind "$entry" "/etc/${entry##*/}"
done
mount --bind "$folder/scratches/$name" "$folder/scratch"
"$@" &
wait "$!"
