# What the tools share; to be sourced. Exit codes are the same in all of them, and `tools/install --help` lists them.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
# shellcheck disable=SC2034 # for those who source this
readonly exit_usage=2 exit_root=3 exit_distribution=4 exit_network=5 exit_space=6 exit_busy=7

# Both for the job count of CMake and Ninja; whoever has little memory sets it to 1.
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}

# usage: prints the comment at the head of the calling script.
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

# fail CODE WHAT REMEDY: the last words of a tool.
fail() {
    printf '%s: %s\n  What to do: %s\n' "tools/${0##*/}" "$2" "$3" >&2
    exit "$1"
}

# require_space FOLDER MEGABYTES PURPOSE
require_space() {
    local free
    free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$2" ] ||
        fail $exit_space "$3 takes $2 MB in $1, where $free MB are free" "free $(($2 - free)) MB there and start again"
}

# show_progress NAME: Ninja's output to one line that moves on a terminal, to one line at all elsewhere.
show_progress() {
    local line said=
    while IFS= read -r line; do
        [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
        if [ -t 1 ]; then
            printf '\r\033[Kbuilding %s: %s of %s' "$1" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
        elif [ -z "$said" ]; then
            echo "building $1: ${BASH_REMATCH[2]} steps"
        fi
        said=yes
    done
    if [ -t 1 ] && [ -n "$said" ]; then printf '\r\033[K'; fi
}

# explain_build_failure LOG: what went wrong, and its remedy, as the exit code of the tool.
explain_build_failure() {
    sed -n '/^FAILED:\|^CMake Error\|^ninja: error/,$p' "$1" >&2
    if grep -q 'No space left on device' "$1"; then
        fail $exit_space "the disk is full" "free some space and start again"
    elif grep -q 'Killed signal terminated program' "$1"; then
        fail 1 "the compiler ran out of memory (3 GB for the largest file)" \
            "set CMAKE_BUILD_PARALLEL_LEVEL=1 and start again"
    fi
    fail 1 "the build failed; the whole log is in $1" \
        "read the first error above; if it is about a moved or stale folder, remove ${1%/*} and start again"
}

# build PRESET [TARGET...]: configures if that was not done yet, with `configure_options` too, and builds. Quiet when there
# is nothing to do.
configure_options=()
build() {
    local preset=$1 folder=$root/build/$1 target
    shift
    local log=$folder/build.log targets=() options=("${configure_options[@]}")
    # Where tools/install had to leave it out.
    if ! pkg-config --atleast-version=8.14 libcurl 2>/dev/null; then options+=(-DDISTWORKER_TRANSPORTS=beast); fi
    for target in "$@"; do targets+=(--target "$target"); done
    mkdir -p "$folder"
    if [ ! -e "$folder/build.ninja" ]; then
        require_space "$folder" 2000 "building '$preset'"
        cmake -S "$root" --preset "$preset" "${options[@]}" >"$log" 2>&1 || explain_build_failure "$log"
    fi
    NINJA_STATUS='[%f/%t] ' cmake --build "$folder" "${targets[@]}" 2>&1 | tee "$log" | show_progress "$preset" ||
        explain_build_failure "$log"
}
