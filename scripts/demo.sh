#!/usr/bin/env bash
# The main road on real input: compile the muon network for AWS F1, then run all of its hosts on the
# emulated card. `make demo` calls it; it needs what `scripts/setup.sh demo` installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly BUILD=build/muon-aws-f1
PATH="$(cd "${VENV:-.venv}/bin" && pwd):$PATH"

show() {
    printf '\n$ %s\n' "$*"
    "$@"
}

show fpgac compile specs/muon.toml --target aws-f1
show fpgac run "$BUILD" --host all

# Both commands fail when two engines differ in one bit, so whoever reads this has seen them agree.
cat <<END

Done. The hosts ran unchanged on a card made of software, and every raw word was equal.

  $BUILD/kernel/     the network as HLS C++, and the Vitis kernel around it
  $BUILD/hosts/      the same host three times: Python on pynq, C++ on OpenCL, C++ on XRT
  $BUILD/scripts/    what makes the bitstream where Vitis is installed
  $BUILD/vectors/    the inputs, and the raw outputs that every engine must give
  $BUILD/README.md   for whoever receives the folder

Next:

  . .venv/bin/activate                          then fpgac is on your PATH
  fpgac --help                                  all that it can do
  fpgac trace specs/muon.toml                   where the bits of the network go
  fpgac init my.toml                            a spec of your own, with comments
  make test                                     the whole test suite; installs training as well
END
