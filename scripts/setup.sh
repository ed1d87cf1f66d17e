# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Read in by first_run.sh, run_tests.sh and .ci/run: what a fresh Debian or Ubuntu machine lacks.

# Install Debian packages, where we may; a test that needs one that is missing says so and skips.
need() {
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 0
    missing=$(lacking "$@")
    [ -z "$missing" ] && return 0
    apt-get update -q >&2
    # shellcheck disable=SC2046,SC2086 # one word a package
    set -- $(known $missing)
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" >&2
}

# Print those of some packages that are not installed.
lacking() {
    have=$(dpkg-query -W -f '${Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^install ok installed //p')
    printf '%s\n' "$@" | grep -vxF "$have" || :
}

# Print those of some packages that this distribution has.
known() {
    for package; do
        apt-cache show "$package" >/dev/null 2>&1 && echo "$package"
    done
    :
}

# Make a virtual environment, install a project into it with some of its dependency groups; print its python.
make_venv() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || need python3 python3-venv
    folder=$1 project=$2
    shift 2
    [ -x "$folder/bin/python" ] || python3 -m venv "$folder" >&2
    groups=$(printf ' --group %s' "$@")
    [ $# -gt 0 ] && "$folder/bin/python" -m pip install --quiet --disable-pip-version-check 'pip>=25.1' >&2
    # shellcheck disable=SC2086 # words of options
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$project" ${1+$groups} >&2
    echo "$folder/bin/python"
}
