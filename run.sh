#!/usr/bin/env bash
# ./run.sh            compare both models (workloads/quick.yaml), about ten minutes
# ./run.sh FILE       the same with another experiment file
# ./run.sh test       everything CI checks
# ./run.sh notebooks  execute the notebooks over results/
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly min_go_minor=26
# What counts, draws and writes reports runs on one thread.
readonly packages_that_cross_threads=(./models/... ./tpc/... ./threadpool/...
  ./harness/{certify,child,cmd,experiment,floor,host,internal,load,trial}/... ./harness/stats/coverage)

die() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 1
}

step() { printf '\n== %s\n' "$*"; }

need_go() {
  command -v go >/dev/null 2>&1 ||
    die "the go command is missing. Install Go 1.${min_go_minor} or newer: https://go.dev/doc/install"
  local version minor
  version=$(go env GOVERSION) # such as go1.26.8
  minor=${version#go1.}
  minor=${minor%%[!0-9]*}
  if [[ $version != go1.* || -z $minor ]] || ((minor < min_go_minor)); then
    die "this is $version; Go 1.${min_go_minor} or newer is needed: https://go.dev/doc/install"
  fi
}

need_linux() {
  [[ $(uname -s) == Linux ]] ||
    die "brokers run on Linux only (epoll, futex, io_uring); this is $(uname -s). A virtual machine or a container with Linux will do."
}

build() {
  mkdir -p bin
  go build -trimpath -o bin/ceteris ./harness/cmd/ceteris
}

experiment() {
  need_go
  need_linux
  build
  exec bin/ceteris run "$1"
}

# The tools are pinned in a module of their own, which keeps the main one small.
tools() {
  mkdir -p bin
  go build -C harness/internal/tools -o "$PWD/bin/" mvdan.cc/gofumpt honnef.co/go/tools/cmd/staticcheck
}

format() {
  local files
  files=$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')
  local wrong
  wrong=$(xargs -r bin/gofumpt -l <<<"$files")
  [[ -z $wrong ]] || die "gofumpt would change:"$'\n'"$wrong"
}

# Brokers are Linux's; whoever reads results on another system needs the rest.
cross_build() {
  local os
  for os in darwin windows; do
    GOOS=$os go build -o /dev/null ./harness/cmd/ceteris
  done
}

# The whole path on a small scale: run, report and verify, then again from the
# histograms, which must change nothing.
smoke() {
  local results=$1 dir
  bin/ceteris run workloads/smoke.yaml --results "$results"
  dir=$(find "$results" -name manifest.json -exec dirname {} \;)
  bin/ceteris verify "$dir"
  bin/ceteris report "$dir"
  bin/ceteris verify "$dir"
}

check() {
  need_go
  need_linux
  step "tools"
  tools
  step "format"
  format
  step "vet"
  go vet ./...
  step "staticcheck"
  bin/staticcheck ./...
  step "build for linux, darwin and windows"
  build
  cross_build
  step "tests"
  go test ./...
  step "tests with invariants on"
  go test -tags invariants ./models/... ./tpc/... ./threadpool/...
  step "race detector"
  go test -race -short "${packages_that_cross_threads[@]}"
  step "smoke experiment"
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  smoke "$scratch"
  step "self-test of the harness"
  # Demanded here: that nothing injected is missing, which no busy machine excuses.
  # That nothing else is seen is told, and demanded without --short.
  bin/ceteris selftest --short --model null
  step "all checks passed in $SECONDS s"
}

notebooks() {
  command -v python3 >/dev/null 2>&1 ||
    die "python3 is missing. The notebooks need Python 3.11 or newer: https://www.python.org/downloads/"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "this is $(python3 --version); the notebooks need Python 3.11 or newer: https://www.python.org/downloads/"
  [[ -x notebooks/.venv/bin/python ]] || python3 -m venv notebooks/.venv ||
    die "python3 cannot make a virtual environment; on Debian and Ubuntu install python3-venv"
  notebooks/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r notebooks/requirements.txt
  # Into pages of their own: the committed notebooks stay without outputs.
  notebooks/.venv/bin/python -m nbconvert --config notebooks/nbconvert.json --to html --execute notebooks/*.ipynb
}

case ${1-} in
  "") experiment workloads/quick.yaml ;;
  test) check ;;
  notebooks) notebooks ;;
  -h | --help) sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" ;;
  *)
    [[ -f $1 ]] || die "no such command or experiment file: $1 (see ./run.sh --help)"
    experiment "$1"
    ;;
esac
