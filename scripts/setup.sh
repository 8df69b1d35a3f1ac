#!/usr/bin/env bash
# Makes a machine ready: Debian packages, then a virtual environment with pinned versions.
#
#   scripts/setup.sh packages   the Debian packages only
#   scripts/setup.sh demo       what compiles the committed networks and runs them on the emulated card
#   scripts/setup.sh dev        everything: training, data sets, tests, documentation
#
# PYTHON names the interpreter to use (3.11 or 3.12), VENV the environment's folder (.venv).
# Nothing is done twice: a second run takes a fraction of a second.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VENV="${VENV:-.venv}"
readonly LOG=.setup.log
PACKAGES=(
    g++ make                                                     # the kernel, the C++ hosts
    libxrt1 libxrt-dev uuid-dev                                  # Xilinx Runtime
    ocl-icd-libopencl1 ocl-icd-opencl-dev opencl-clhpp-headers   # OpenCL
)
readonly PACKAGES_FOR_TESTS=(procps shellcheck tcl g++-aarch64-linux-gnu)

say() { printf 'setup: %s\n' "$*"; }

# The first line says what is wrong; the others can be copied.
fail() {
    say "$1" >&2
    shift
    printf '    %s\n' "$@" >&2
    exit 1
}

# --- Python ---------------------------------------------------------------------------------------

# An interpreter serves when it is 3.11 or 3.12 and can make virtual environments.
serves() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' \
        >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.11 python3.12 /usr/bin/python3}; do
        if serves "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# --- Debian packages ------------------------------------------------------------------------------

installed() { [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]; }

missing_packages() {
    local package
    for package in "${PACKAGES[@]}"; do
        installed "$package" || echo "$package"
    done
    find_python >/dev/null || installed python3-venv || echo python3-venv
}

# How to become root without being asked for a password; fails where there is no way.
root_prefix() {
    if [[ "$(id -u)" == 0 ]]; then
        echo env
    elif sudo -n true 2>/dev/null; then
        echo sudo -n
    else
        return 1
    fi
}

install_packages() {
    local as_root packages install
    if ! command -v dpkg-query >/dev/null; then
        say "this is no Debian: the tools themselves must come from you (${PACKAGES[*]})"
        return
    fi
    mapfile -t packages < <(missing_packages)
    if ((${#packages[@]} == 0)); then
        return
    fi
    install="apt-get install -y --no-install-recommends ${packages[*]}"
    if ! as_root="$(root_prefix)"; then
        fail "Debian packages are missing, and installing them takes root. Run this, then try again:" \
            "sudo apt-get update && sudo $install"
    fi
    say "Debian packages: ${packages[*]}"
    # shellcheck disable=SC2086 # both are lists of plain words
    {
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null &&
            $as_root env DEBIAN_FRONTEND=noninteractive $install -qq -o Dpkg::Use-Pty=0 </dev/null
    } >"$LOG" 2>&1 ||
        fail "apt-get failed; all that it said is in $LOG, last of all:" "$(tail -n 1 "$LOG")"
}

# --- The virtual environment ----------------------------------------------------------------------

# An environment fits as long as its interpreter runs and the clone lies where it lay: the scripts
# and the editable install in it hold absolute paths.
fits() { [[ "$(cat "$VENV/.clone" 2>/dev/null)" == "$PWD" ]] && serves "$VENV/bin/python"; }

make_environment() {
    local python
    if fits; then
        return
    fi
    if [[ "$VENV" != .venv && ! -f "$VENV/.clone" && -n "$(ls -A "$VENV" 2>/dev/null)" ]]; then
        fail "$VENV was not made here and would be emptied: name another folder," "make $1 VENV=FOLDER"
    fi
    python="$(find_python)" || fail \
        "no Python 3.11 or 3.12 that can make virtual environments was found${PYTHON:+ as $PYTHON}; name one:" \
        "make $1 PYTHON=/path/to/python3.11"
    say "virtual environment $VENV with $("$python" --version)"
    "$python" -m venv --clear "$VENV"
    echo "$PWD" >"$VENV/.clone"
}

# What an environment was made from; another value means that it is to be brought up to date.
pins() { cat pyproject.toml constraints.txt | sha256sum; }

ready() { [[ "$(cat "$VENV/.ready-$1" 2>/dev/null)" == "$(pins)" ]]; }

install_python_packages() {
    local profile="$1" extras="$2"
    say "Python packages of fpgac[$extras] (a minute or so)"
    pip install -c constraints.txt pip
    pip install -c constraints.txt --build-constraint constraints.txt -e ".[$extras]"
    pins >"$VENV/.ready-$profile"
}

pip() {
    "$VENV/bin/python" -m pip --disable-pip-version-check "$@" >"$LOG" 2>&1 </dev/null ||
        fail "pip failed; is there a network? All that it said is in $LOG, first of all:" \
            "$(grep -E '^(ERROR|WARNING: Retrying)' "$LOG" | head -n 5 | sed '2,$s/^/    /')"
}

# --------------------------------------------------------------------------------------------------

case "${1:-}" in
    packages)
        install_packages
        ;;
    demo)
        install_packages
        make_environment demo
        ready demo || ready dev || install_python_packages demo pynq,plots
        ;;
    dev)
        PACKAGES+=("${PACKAGES_FOR_TESTS[@]}")
        install_packages
        make_environment test
        ready dev || install_python_packages dev dev
        ;;
    *)
        fail "which set-up?" "scripts/setup.sh packages" "scripts/setup.sh demo" "scripts/setup.sh dev"
        ;;
esac
