# pull.sh: list the files below a directory, and send those that are asked for.
#
# `bash -s` reads from its standard input: a line `token=… root=…`, this text, and then one line a file,
#   { send OFFSET SIZE MTIME NAME; }
# Standard output is a line `<token> listing`, then `KIND SIZE MTIME NAME` of each file (f) and symbolic
# link (l), each ended by NUL, then `end <status of find>` and NUL. Each request is answered by a line
# `<token> changed <size mtime>` where the file is not what was listed (nothing: it is gone or cannot be
# read), or else by `<token> bytes`, exactly SIZE - OFFSET bytes, and `<token> sent <status> <size mtime>`:
# they are those of the file if the status is 0 and the rest is as it was listed.
# shellcheck shell=bash disable=SC2154,SC2329 # set by the line before this text; send is run by what follows
set -u
export LC_ALL=C
unset BASH_ENV ENV CDPATH

listing() {
  local status=0
  printf '\n%s listing\n' "$token"
  if [[ -d $root ]]; then
    find -H "$root" \( -type f -o -type l \) -printf '%y %s %T@ %P\0' </dev/null || status=$?
  fi
  printf 'end %s\0' "$status"
}

stamp() { # NAME: its size and time of change
  find "$root/$1" -maxdepth 0 -type f -printf '%s %T@' </dev/null 2>/dev/null
}

send() { # OFFSET SIZE MTIME NAME
  local now status=0 left=$(($2 - $1))
  now=$(stamp "$4")
  if [[ $now == "$2 $3" ]] && ! { exec 4<"$root/$4"; } 2>/dev/null; then now=''; fi
  if [[ $now != "$2 $3" ]]; then
    printf '\n%s changed %s\n' "$token" "$now"
    return
  fi
  printf '\n%s bytes\n' "$token"
  # as many as were said, whatever becomes of the file; 141: tail was stopped by head, which had enough
  tail -c "+$(($1 + 1))" <&4 2>/dev/null | { head -c "$left" && head -c "$left" /dev/zero; } | head -c "$left"
  status=${PIPESTATUS[0]}
  exec 4<&-
  printf '\n%s sent %s %s\n' "$token" "$((status == 141 ? 0 : status))" "$(stamp "$4")"
}

listing
