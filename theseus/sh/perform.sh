# perform.sh: the far half of a performer.
#
# `bash -s` reads from its standard input: a line `token=...`, one that reads this text, the text, then one line a step,
#   { run INDEX COMMAND...; }      { soon INDEX COMMAND...; }      { told INDEX; }
# Each line is a complete group, so that a stream cut short is a syntax error, never half a command.
# Content follows its line as raw bytes; that of `obtain`, which may be wanted or not, in pieces. Every step is answered on standard output by a frame
#   \n<token> <index> <status> <length>\n<length bytes>
# whose status is a number, or `skipped`, `want`, `answered`, `again`. Standard error gets `\n<token> <index>\n`
# after each step. Whatever login files print lies outside the frames and does no harm. The frame -1
# says that this text was read to its end: without it nothing was performed.
# shellcheck shell=bash disable=SC2154,SC2329 # token is set by the line before this text; steps are run by name
set -u
set -o pipefail
set +e
shopt -u lastpipe
umask o-w                   # runs are executed from what is made here: whatever the login files say, not everybody writes there
locale=${locale-${LC_ALL-}} # for what is started here; this text itself counts bytes, and may be read twice
export LC_ALL=C
unset BASH_ENV ENV CDPATH TMOUT # with the last, bash(1) has `read` wait no longer
exec 3>&1

frame() { # INDEX STATUS OUTPUT
  printf '\n%s %s %s %s\n%s' "$token" "$1" "$2" "${#3}" "$3" >&3
  printf '\n%s %s\n' "$token" "$1" >&2
}

# some heads (busybox, uutils, macOS) read more than they are asked for and would eat the next line: what is left
# after one byte tells, and is looked at when content comes, so that nobody waits for it
left=''
exec {trial}< <(printf 'ab\n' | { head -c 1 >/dev/null && cat; })

know_head() {
  if [[ -n $left ]]; then return; fi
  read -r left <&"$trial" || left=none
  exec {trial}<&-
}

only_take() { # SIZE: the next SIZE bytes of the input, and not one more, as all that a subshell does
  if [[ $left == b ]]; then exec head -c "$1"; fi
  exec dd bs=1 count="$1" 2>/dev/null
}

take() { (only_take "$1"); } # SIZE: the same, where more is to be done

run() { # INDEX COMMAND [ARG...]
  local index=$1 output='' status=0
  shift
  know_head
  if [[ -n $halted ]]; then
    case $1 in receive) take "$3" ;; unpack) take "$2" ;; obtain) [[ $5 != follows ]] || discard ;; esac >/dev/null
    frame "$index" skipped ''
    return
  fi
  case $1 in submit | submit_after | submit_array) find_slurm ;; esac # once, and not in a subshell
  case $1 in
    receive | unpack | mkdir) "$@" || status=$? ;;
    obtain) output=$("$@") || status=$? ;;
    *) output=$("$@" </dev/null) || status=$? ;;
  esac
  if ((status)); then halted=1; fi
  if ((status == 75)); then
    case $1 in claim | launch | launch_leased | submit | submit_after | submit_array) status=answered ;; esac
  elif ((status == 77)) && [[ $1 == obtain ]]; then
    status=again
  fi
  frame "$index" "$status" "$output"
}

# Questions are all begun before the first answer is given: a driver that wakes up, a controller that is busy, take
# their seconds at the same time.
declare -A answers=() # by INDEX, what an answer is read from

soon() { # INDEX COMMAND [ARG...]: begin what `told INDEX` says
  local answer
  if [[ $2 == slurm ]]; then find_slurm; fi # once, and not in a subshell
  exec {answer}< <(find_out "${@:2}")
  answers[$1]=$answer
}

find_out() { # COMMAND [ARG...]: its output, its errors, and a trailer: its status, and how long the errors are
  local errors status=0
  { errors=$("$@" 2>&1 >&4 4>&- </dev/null) || status=$?; } 4>&1
  printf '%s%4d%12d%s' "$errors" "$status" "${#errors}" "$token"
}

told() { # INDEX
  local answer=${answers[$1]} said status errors
  said=$(cat <&"$answer")
  exec {answer}<&-
  if [[ ${said: -${#token}} == "$token" ]]; then
    said=${said:0:-${#token}}
  else # it was killed before it could say, and what it printed is no trailer
    said+=' 137           0'
  fi
  status=${said: -16:4} errors=${said: -12} said=${said:0:-16}
  printf '%s' "${said:${#said}-errors}" >&2
  said=${said:0:${#said}-errors}
  [[ ${said: -1} != $'\n' ]] || said=${said:0:-1} # ${said%...} looks for its pattern in all of a megabyte, again and again
  frame "$1" "$((status))" "$said"
}

if command -v sha256sum >/dev/null; then
  digest() { exec sha256sum; } # of the input, as all that a subshell does
elif command -v shasum >/dev/null; then
  digest() { exec shasum -a 256; }
else
  digest() { exec wc -c; } # no tool can tell
fi

receive() { # MODE SIZE SHA256 PATH: the next SIZE bytes become PATH, or nothing does
  local part=$4.part.$$.$RANDOM
  if accept "$part" "$2" && intact "$part" "$2" "$3" && settle "$1" "$part" "$4"; then return; fi
  echo "could not write $4" >&2
  rm -f -- "$part"
  return 1
}

accept() { # PART SIZE: what cannot be written is still consumed: content is never read as commands
  only_take "$2" | keep "$1"
}

keep() { # FILE: the whole input, whether or not it can be written, as all that a subshell does
  umask 077
  exec tee -- "$1" >/dev/null
}

keep_much() { # FILE: the same, a hundred kilobytes at a time, where tee takes eight
  umask 077
  cat >"$1" && return
  cat >/dev/null
  return 1
}

mkdir() { # as a step, `mkdir -p -m MODE -- PATH`, it makes nothing that is there
  [[ $# == 5 && $1 == -p && $2 == -m && -d $5 ]] || command mkdir "$@"
}

intact() { # FILE SIZE SHA256: is this what was sent?
  local seen=''
  # where there is much, openssl has said it before sha256sum is half way; whatever else it says is not believed
  if (($2 > 1000000)) && command -v openssl >/dev/null; then
    read -r seen _ < <(exec openssl dgst -sha256 -r <"$1" 2>/dev/null)
    [[ $seen != "$3" ]] || return 0
  fi
  read -r seen _ < <(digest <"$1")
  if [[ $seen == "$3" || $seen == "$2" ]]; then return; fi
  echo 'it arrived damaged' >&2
  return 1
}

settle() { # MODE PART PATH: a directory in the way is an error, not the place to move to
  if [[ -d $3 ]]; then
    echo "$3: is a directory" >&2
    return 1
  fi
  [[ $1 == 0600 ]] || chmod "$1" "$2" || return # what is kept has this mode
  mv -f -- "$2" "$3"
}

unpack() { # SIZE SHA256 DIRECTORY: the next SIZE bytes are an archive of files that belong below DIRECTORY
  local part=$3/unpack.$$.$RANDOM status=0
  accept "$part" "$1" && intact "$part" "$1" "$2" && (
    umask 077
    unset TAR_OPTIONS GZIP
    tar -xzmof - -C "$3" <"$part" 2>"$part.err" || copy_links "$part" "$3" # -m: they are as old as they are here
  ) || status=1
  rm -f -- "$part" "$part.err"
  if ((status)); then echo "could not write below $3" >&2; fi
  return "$status"
}

copy_links() { # PART DIRECTORY: where a file system has no links between directories (AFS), copies do
  local link file
  if grep -v -e ': Cannot hard link to ' -e ': Exiting with failure status' "$1.err" >&2; then return 1; fi
  [[ $(tail -n 1 "$1.err") == *': Exiting with failure status'* ]] || return 1 # else it did not come to its end
  tar -tvzf "$1" | sed -n 's/.* \([^ ]*\) link to \([^ ]*\)$/\1 \2/p' | while read -r link file; do
    [[ $2/$link -ef $2/$file ]] || cp -fp -- "$2/$file" "$2/$link" || exit 1
  done
}

shelf() { # SHARE: the tools with which trees may come, then a line for each folder with what lies there, the newest first
  local tool tools='' folder names
  for tool in zstd git; do if command -v "$tool" >/dev/null; then tools+="$tool "; fi; done
  echo "$tools"
  for folder in runtimes trees; do
    mapfile -t names < <(exec ls -t -- "$1/$folder" 2>/dev/null) # the newest first
    echo "$folder ${names[*]:0:50}"
  done
}

is_there() { # PATH: an archive may be kept in another form
  [[ -e $1 || -e ${1%.gz}.zst ]]
}

obtain() { # INDEX MODE PATH HOW: have PATH, which is `there`, or `follows`, or is to `ask` for; 77 when the shelf is not as it was said to be
  local form commit base place=$3 part=$3.part.$$.$RANDOM
  if is_there "$3"; then
    [[ $4 != follows ]] || discard >/dev/null
    touch -c -- "$3" "${3%.gz}.zst" 2>/dev/null # it is in use: `theseus clean` goes by the time
    printf present
    return
  fi
  [[ $4 != there ]] || return 77 # it has been removed meanwhile
  [[ $4 == follows ]] || frame "$1" want ''
  while IFS=' ' read -r form commit base && gather "$part" "$3"; do
    if [[ $form == zstd ]]; then place=${3%.gz}.zst; fi
    if [[ -n $commit ]] && ! grow "$part" "${3%/*}" "$form" "$commit" "$base" >/dev/null 2>&1; then
      if [[ $4 == follows ]]; then
        rm -f -- "$part"
        return 77
      fi
      frame "$1" want '' # the whole archive is as good
      continue
    fi
    if settle "$2" "$part" "$place"; then
      printf sent
      return
    fi
    break
  done
  echo "could not write $3" >&2
  rm -f -- "$part"
  return 1
}

gather() { # PART PATH: the pieces that follow, each after its size, then `0` and `SIZE SHA256` of all of them
  local size sha256 status=0
  pieces "$2" | keep_much "$1" || status=$?
  IFS=' ' read -r size sha256 && ((status == 0)) && intact "$1" "$size" "$sha256"
}

discard() { # what follows a step that does not need it
  read -r && pieces '' && read -r
}

pieces() { # PATH: up to the one without bytes; `@NAME` has come by another channel, as PATH.part.NAME
  local size status=0
  while read -r size; do
    case $size in
      0) return "$status" ;;
      @*) { cat -- "$1.part.${size#@}" && rm -f -- "$1.part.${size#@}"; } || status=1 ;;
      *) take "$size" || return ;;
    esac
  done
  return 1
}

grow() { # PART TREES FORM COMMIT BASE: PART, a pack upon the tree BASE, becomes the archive of COMMIT
  (
    umask 077
    seclude "${2%/*}/git" || exit
    git cat-file -e "$5^{tree}" || adopt "$5" "$2/$5.tar" || exit
    git unpack-objects -q <"$1" && named_after "$1" "$4" || exit
    git -c tar.umask=0022 archive --format=tar "$4" | "squeeze_$3" >"$1.tar" && mv -f -- "$1.tar" "$1"
  ) || {
    rm -f -- "$1.tar"
    forget "${2%/*}/git" # should it be the store that is broken, or has no room, the next one is not
    return 1
  }
}

named_after() { # PART COMMIT: is this what the archive will be called?
  local tree
  tree=$(git rev-parse --verify -q "$2^{tree}") && [[ ${1##*/} == "$tree".* ]]
}

seclude() { # STORE: git works there, on a repository of theseus's own, without any configuration but this
  unset "${!GIT_@}"
  export GIT_DIR=$1 HOME=$1 XDG_CONFIG_HOME=$1 GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1
  # nothing in it is needed, and nothing leaves it by itself: after a month a new one takes its place
  [[ -z $(find "$1/config" -mtime +30 2>/dev/null) ]] || forget "$1"
  [[ ! -e $1/config ]] || return 0
  mkdir -p -- "$1/objects/info" "$1/refs" "$1/info" && lay "$1/HEAD" 'ref: refs/heads/none' &&
    # gitattributes(5): this file stands above all others
    lay "$1/info/attributes" '* -export-ignore -export-subst -text -ident -filter !working-tree-encoding' &&
    lay "$1/config" $'[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tcompression = 1\n[gc]\n\tauto = 0'
}

forget() { # STORE: what it holds; who is at work there fails, but never for a moment without info/attributes
  rm -rf -- "$1/config" "$1/objects" "$1"/adopted.*
}

lay() { # PATH TEXT: several may do the same at once
  printf '%s\n' "$2" >"$1.part.$BASHPID" && mv -f -- "$1.part.$BASHPID" "$1"
}

adopt() { # TREE ARCHIVE: the objects of a tree that lies there as an archive, into the store
  local scratch status=0
  scratch=$(mktemp -d "$GIT_DIR/adopted.XXXXXX") || return
  (
    export GIT_INDEX_FILE=$scratch/index GIT_WORK_TREE=$scratch/tree
    mkdir "$scratch/tree" && cd "$scratch/tree" && extract "$2" && collect && [[ $(git write-tree) == "$1" ]]
  ) || status=$?
  rm -rf -- "$scratch"
  return "$status"
}

collect() { # the files here as objects, as they are: to squeeze them takes longer than all the rest
  local keep=(git -c core.bare=false -c core.compression=0)
  # one pack, not a file for each object; but git reads a pack twice more, so larger files are better off alone
  find . -type f -size +500 -print0 | "${keep[@]}" update-index --add -z --stdin &&
    "${keep[@]}" -c core.bigFileThreshold=1 add --all --force .
}

extract() { # ARCHIVE, without its last suffix
  unset TAR_OPTIONS GZIP
  if [[ -e $1.gz ]]; then tar -xzf - <"$1.gz"; else zstd -dcq <"$1.zst" | tar -xf -; fi
}

squeeze_gzip() { # in pieces, four at a time: gzip(1): "multiple compressed files can be concatenated"
  # another dd takes what a pipe holds at the moment for a piece
  if ! dd count=0 iflag=fullblock </dev/null 2>/dev/null; then
    gzip -nc1
    return
  fi
  (
    place=$(mktemp -d) && cd "$place" || exit
    trap 'rm -rf -- "$place"' EXIT
    begun=0 ended=0 pieces=()
    while dd bs=8M count=1 iflag=fullblock of="$begun" 2>/dev/null || exit && [[ -s $begun ]]; do
      gzip -n1 "$begun" &
      pieces[begun++]=$!
      ((begun - ended < 4)) || squeezed "$ended" "${pieces[ended++]}" || exit
    done
    while ((ended < begun)); do squeezed "$ended" "${pieces[ended++]}" || exit; done
  )
}

squeezed() { # PIECE PROCESS: the piece, when it is done
  wait "$2" && cat "$1.gz" && rm "$1.gz"
}

squeeze_zstd() { zstd -qc1 -T4; } # level 3 takes three times as long for a tenth less

guarded() { # DIRECTORY...: can nobody but their owners and groups replace what lies in them?
  local open
  open=$(find "${@/%//.}" -maxdepth 0 -perm -002 ! -perm -1000 2>/dev/null)
  [[ -n $open ]] || return 0
  open=${open%%/.$'\n'*}
  echo "${open%/.} can be written to by everybody, and runs are executed from there: chmod o-w it" >&2
  return 1
}

claim() { # RUN_DIR: 75 and the answer, when the run was submitted before; 76 when nobody can tell
  local runs=${1%/*} share=${1%/*/*}
  case $runs in
    */sweeps) guarded "$share" "$runs" "$share/runs" || return 1 ;;
    *) guarded "$share" "$runs" || return 1 ;;
  esac
  if mkdir -m 0700 -- "$1" 2>/dev/null; then
    sign "$1" && printf claimed
    return
  fi
  take_turn "$1"
  if [[ -s $1/answer ]]; then
    cat -- "$1/answer"
    return 75
  elif [[ -e $1/launched && -e $1/batch.sh ]]; then
    claim_submitted "$1"
  elif [[ -e $1/launched ]]; then
    claim_launched "$1"
  elif [[ -d $1 ]]; then
    claim_member "$1"
  else
    mkdir -m 0700 -- "$1"
  fi
}

take_turn() { # RUN_DIR: of those who find it submitted before, one at a time looks, and takes up what is dead
  # the kernel ends the turn with this subshell; where a file system has no locks there are no turns
  { exec 9>"$1/turn" && flock 9; } 2>/dev/null || true
}

sign() { # RUN_DIR: say who is about to start the run; all of it may have been read when the client is gone
  local host='' start=''
  { read -r host </proc/sys/kernel/hostname; } 2>/dev/null || host=$(uname -n)
  start=$(start_time $$ 2>/dev/null)
  printf '%s\n' "$host $$ $start" >"$1/claimed"
}

claim_submitted() { # RUN_DIR: the answer of sbatch was lost; a job that has started wrote it itself
  local id status=0 at_it=''
  if in_flight "$1"; then # looked for before SLURM is asked, which knows the job of an sbatch that has ended
    at_it=yes
    await_answer "$1" 2>/dev/null || status=$?
    ((status == 76)) || return "$status"
  fi
  if ! id=$(job_of "$1"); then
    echo "$1: submitted before, and SLURM cannot be asked for its job" >&2
    return 76
  fi
  if [[ -n $id ]]; then
    answer "$1" slurm "$id" && return 75
  fi
  if [[ -n $at_it ]]; then
    echo "$1: sbatch was called a moment ago and has not answered, and SLURM has no such job yet" >&2
    return 76
  fi
  rm -rf -- "$1/launched" && sign "$1" && printf resumed
}

in_flight() { # DIRECTORY: may its sbatch still be at it, here or, as none lasts longer than a minute, elsewhere?
  grep -qszxF -f <(printf '%s\n' "$1/batch.sh") /proc/[0-9]*/cmdline ||
    [[ ! -e $1/launched/ended && -z $(find "$1/launched" -maxdepth 0 -mmin +1) ]]
}

claim_member() { # RUN_DIR: it may have been sent with a job array, whose answer did not come to it
  local id
  if ! id=$(member_job "$1"); then
    echo "$1: submitted before in an array, and SLURM cannot be asked for its job" >&2
    return 76
  fi
  if [[ -n $id ]]; then
    answer "$1" slurm "$id" && return 75
  fi
  sign "$1" && printf resumed
}

member_job() { # RUN_DIR: the id of its job in an array, if there is one; a failure is no `none`
  local list line id
  for list in "${1%/*/*}"/sweeps/*/runs; do
    line=$(grep -nF -m 1 "/${1##*/}" "$list" 2>/dev/null) || continue
    list=${list%/runs}
    [[ -e $list/launched ]] || continue
    id=$(job_of "$list") || return
    [[ -z $id ]] || echo "${id}_$((${line%%:*} - 2))" # the first line opens the list
    return
  done
}

claim_launched() { # RUN_DIR: who started it could not write the answer any more, or does so at this moment
  local pid boot status=0
  if [[ -z $(find "$1/launched" -mmin +1 2>/dev/null) ]]; then
    await_answer "$1" 2>/dev/null || status=$?
    ((status == 76)) || return "$status"
  fi
  if [[ ! -r /proc/self/stat ]]; then
    echo "$1: started before, the answer is missing, and processes cannot be looked at here" >&2
    return 76
  fi
  boot=$(boot_id)
  pid=$(process_of "$1")
  if [[ -n $pid ]]; then
    answer "$1" "$pid" "$(start_time "$pid")" "$boot" && return 75
  elif [[ -e $1/starts || -e $1/outcome.json ]]; then # it began, and is gone
    answer "$1" 0 1 "$boot" && return 75
  fi
  rmdir -- "$1/launched" && sign "$1" && printf resumed
}

process_of() { # RUN_DIR: the process that runs its bootstrap.sh
  local file words
  for file in /proc/[0-9]*/cmdline; do
    { IFS= read -r -d '' _ && IFS= read -r -d '' words; } 2>/dev/null <"$file" || continue
    if [[ $words == "$1/bootstrap.sh" && -O $file ]]; then
      file=${file%/cmdline}
      echo "${file#/proc/}"
      return
    fi
  done
}

job_of() { # RUN_DIR: the id of the job that SLURM has or had for it; a failure is no `none`
  local said run=${1##*/} day
  find_slurm
  scrub
  said=$(squeue -h -t all -u "$(id -un)" -o '%F %k %j') || return # %F: of an array, the id it has as a whole
  said=$(sed -n -e "s|^\([0-9]*\) theseus:$run .*|\1|p" -e "s|^\([0-9]*\) .*-$run\$|\1|p" <<<"$said" | tail -n 1)
  if [[ -z $said && $run =~ ^[0-9]{8}- ]]; then # where there is accounting, it remembers for longer
    day=$(date -d "${run:0:8} -1 day" +%Y-%m-%d 2>/dev/null) || day=${run:0:4}-${run:4:2}-${run:6:2}
    said=$(sacct -n -P -X -u "$(id -un)" -S "$day" -o JobID,JobName 2>/dev/null)
    said=$(sed -n "s/^\([0-9]*\)[_|].*-$run\$/\1/p" <<<"$said" | tail -n 1)
  fi
  echo "$said"
}

answer() { # RUN_DIR WORD...: keep the answer, and give it
  # another may be about it too
  local part=$1/answer.part.$BASHPID.$RANDOM
  printf '%s\n' "${*:2}" >"$part" && mv -f -- "$part" "$1/answer" && cat -- "$1/answer"
}

await_answer() { # RUN_DIR: somebody else starts the run at this moment: their answer, and 75
  local _
  for _ in {1..50}; do
    if [[ -s $1/answer ]]; then
      case $(state "$1") in completed | failed | cancelled) rm -f -- "$1/secrets.env" ;; esac # nobody needs what came since
      cat -- "$1/answer"
      return 75
    fi
    sleep 0.2
  done
  echo "$1: started before, and the answer is missing" >&2
  return 76
}

start_time() { # PID: ticks after boot, field 22 of /proc/PID/stat
  local stat
  read -r stat <"/proc/$1/stat" || return
  # the command name in parentheses may hold spaces
  # shellcheck disable=SC2086 # split on purpose: the fields of a line of /proc, of which none is a pattern
  set -- ${stat##*) }
  echo "${20}"
}

go_first() { # DIRECTORY: may this shell start what lies there? A later one gets the answer of the first, and 75
  local problem
  if problem=$(mkdir -- "$1/launched" 2>&1); then return; fi
  if [[ -d $1/launched ]]; then
    await_answer "$1"
  else
    echo "$problem" >&2
    return 1
  fi
}

launch() { # RUN_DIR LOG: start bootstrap.sh in a session of its own and answer `pid start-time boot-id`
  local pid
  if ! command -v setsid >/dev/null; then
    echo 'setsid is missing here: install util-linux' >&2
    return 1
  fi
  (umask 077 && : >>"$2") || return 1
  cd / || return 1
  go_first "$1" || return
  rm -f -- "$1/lease" # of a launch that failed
  scrub               # such an allocation is not that of a run without SLURM
  LC_ALL=$locale setsid bash "$1/bootstrap.sh" "$1" </dev/null >>"$2" 2>&1 3>&- &
  pid=$!
  answer "$1" "$pid" "$(start_time "$pid" 2>/dev/null || echo 0)" "$(boot_id)"
}

boot_id() { # which start of this machine this is
  local boot=-
  if [[ -r /proc/sys/kernel/random/boot_id ]]; then read -r boot </proc/sys/kernel/random/boot_id; fi
  echo "$boot"
}

launch_leased() { # RUN_DIR LOG: launch, and after the answer say what GPUs it got, or that it is queued
  local pid said _
  launch "$@" || return
  read -r pid _ <"$1/answer"
  for _ in {1..600}; do # as long as the lines of `setup` may take
    if [[ -s $1/lease ]] || ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.2
  done
  # whoever writes it first has decided; a run that is refused later has failed
  { (set -C && echo unanswered >"$1/lease"); } 2>/dev/null
  read -r said <"$1/lease"
  case $said in
    refused*)
      while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
      rm -rf -- "$1/answer" "$1/launched"
      echo "${said#refused }" >&2
      return 69
      ;;
    leased* | queued*) printf '%s\n' "$said" ;;
  esac
}

submit() { # RUN_DIR SBATCH [ARG...]: hand the run to SLURM and answer `slurm JOB [CLUSTER]`
  local run_dir=$1 said status=0 id='' cluster=''
  shift
  cd / || return 1
  go_first "$run_dir" || return
  said=$(scrub && LC_ALL=$locale "$@" 2>"$run_dir/sbatch.err") || status=$?
  : >"$run_dir/launched/ended" # no job comes of it later
  cat -- "$run_dir/sbatch.err" >&2
  # a site's own sbatch may print more, before and after
  IFS=';' read -r id cluster <<<"$(grep -E '^[0-9]+(;[^;[:space:]]+)?$' <<<"$said" | tail -n 1)"
  if ((status)) || [[ -z $id ]]; then
    # an answer that was lost on the way is no refusal: the job may be there, and answers when it starts
    if ((! status)); then echo "sbatch answered no job id: $said" >&2; fi
    if ((status > 128)); then echo "sbatch was ended by signal $((status - 128))" >&2; fi
    ((status > 0 && status <= 128)) || return 76
    ! grep -qE 'timed out|Zero Bytes|Communication' "$run_dir/sbatch.err" || return 76
    rm -rf -- "$run_dir/launched"
    return 1
  fi
  answer "$run_dir" slurm "$id" ${cluster:+"$cluster"}
}

submit_array() { # DIRECTORY SBATCH [ARG...]: submit; each of its runs has an answer of its own then
  local said id cluster index file run_dirs=() files=()
  # shellcheck source=/dev/null # made by the plan of the sweep
  source "$1/runs" || return
  said=$(submit "$@") || return
  read -r _ id cluster <<<"$said"
  for index in "${!run_dirs[@]}"; do
    if [[ -n $cluster ]]; then
      answer "${run_dirs[index]}" slurm "${id}_$index" "$cluster" >/dev/null
    elif [[ ! -s ${run_dirs[index]}/answer ]]; then # one that has started already has answered itself
      file=${run_dirs[index]}/answer
      printf 'slurm %s\n' "${id}_$index" >"$file.part" && files+=("$file")
    fi
  done
  # one process puts all in their places; one for each is seconds for a thousand
  ((! ${#files[@]})) || perl -e 'for (@ARGV) { rename "$_.part", $_ or exit 1 }' -- "${files[@]}" 2>/dev/null ||
    for file in "${files[@]}"; do [[ ! -e $file.part ]] || mv -f -- "$file.part" "$file"; done
  printf '%s\n' "$said"
}

build_environment() { # RUN_DIR: what is printed meanwhile matters only where it fails
  (scrub && LC_ALL=$locale bash "$1/bootstrap.sh" "$1" login >&2 3>&-)
}

state() { # RUN_DIR: how the run ended; nothing before it has
  sed -n 's/.*"state": "\([a-z]*\)".*/\1/p' "$1/outcome.json" 2>/dev/null | head -n 1
}

may_complete() { # JOB CLUSTER RUN: sbatch takes a job that it has forgotten for one that has completed
  local said
  if ! said=$(scrub && squeue -h -t all -j "$1" ${2:+-M "$2"} -o %T 2>&1); then
    [[ $said != *'Invalid job id'* ]] || said="SLURM knows its job $1 no more, and it left no outcome"
    echo "run $3: $said: nothing was submitted" >&2
    return 1
  fi
  said=${said##*$'\n'}
  case $said in
    '' | BOOT_FAIL | CANCELLED | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | PREEMPTED | REVOKED | TIMEOUT)
      echo "run $3 will not complete (its job $1: ${said:-not there}): nothing was submitted" >&2
      return 1
      ;;
  esac
}

submit_after() { # AWAITED RUN_DIR SBATCH [ARG...] SCRIPT RUN_DIR: submit, to start when another run has completed
  local kind='' id='' cluster='' awaited=${1##*/} ended
  ended=$(state "$1")
  [[ ! -s $1/answer ]] || read -r kind id cluster <"$1/answer"
  if [[ ! -d $1 ]]; then
    echo "there is no run $awaited here ($1): a run waits for one that was submitted to the same cluster" >&2
  elif [[ $ended == completed ]]; then
    shift
    submit "$@"
    return
  elif [[ $ended == failed || $ended == cancelled ]]; then
    [[ $ended == failed ]] || ended='was cancelled'
    echo "run $awaited $ended, so ${2##*/} would never start: nothing was submitted" >&2
  elif [[ -z $kind ]]; then
    echo "run $awaited was not submitted, so nothing can wait for it: submit it first" >&2
  elif [[ $kind != slurm ]]; then
    echo "run $awaited is no SLURM job, so none can wait for it: submit again when it has completed" >&2
  elif may_complete "$id" "$cluster" "$awaited"; then
    shift
    # after the options of the config, whose own --dependency this one stands above; sbatch(1): without
    # the second, a job whose dependency can never hold waits for ever
    submit "${@:1:$#-2}" "--dependency=afterok:$id" --kill-on-invalid-dep=yes "${@: -2}"
    return
  fi
  return 1
}

begin() { # of a dialogue, which may follow another one in the same shell
  halted=
  frame -1 0 ''
}

begin
