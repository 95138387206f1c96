#!/bin/bash
# machine.sh FOLDER NAME COMMAND…: the first process of a machine of the cluster in FOLDER.
# It starts in new uts, mount and pid namespaces, gives them a host name, FOLDER/etc as /etc and a
# scratch of its own as FOLDER/scratch, and reaps what jobs leave behind. When it ends, the kernel
# ends every process of the machine.
set -euo pipefail

folder=$1 name=$2
shift 2
if [[ $$ != 1 ]]; then
  echo "machine.sh: process $$ is not the first of a pid namespace: start it with unshare" >&2
  exit 2
fi
hostname "$name"
# the links in FOLDER/etc lead to the true one. The folder is laid over, not its files: useradd(8)
# renames a new /etc/passwd into place, and what was mounted on the old one is gone everywhere.
mount --bind /etc "$folder/true-etc"
mount --bind "$folder/etc" /etc
mount --bind "$folder/scratches/$name" "$folder/scratch"
"$@" &
wait "$!"
