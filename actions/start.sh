#!/usr/bin/env bash
# Finds a Python and hands over to start.py; kept to what bash 3.2 of macOS knows.
set -eu

fail() {
  printf 'error[%s]: %s\n  = help: %s\n' "$1" "$2" "$3" >&2
  exit 2
}

recent() {
  "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

case "${RUNNER_OS:-}:${OSTYPE:-}" in
  Windows:* | *:msys* | *:cygwin* | *:win32*)
    fail U004 "mlci runs on Linux and macOS, not on Windows" "let the job run on Linux: runs-on: ubuntu-latest"
    ;;
  *) ;;
esac

if [[ -n "${MLCI_PYTHON:-}" ]]; then
  recent "${MLCI_PYTHON}" \
    || fail U002 "what MLCI_PYTHON names is not Python 3.10 or newer" "give the path of an interpreter of this runner"
  python=${MLCI_PYTHON}
else
  python=
  for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
    if recent "${name}"; then
      python=${name}
      break
    fi
  done
  [[ -n "${python}" ]] \
    || fail U002 "there is no Python 3.10 or newer on PATH" "run actions/setup-python before, or set MLCI_PYTHON"
fi

# exec, so that the runner's signal on cancelling reaches the command itself.
# -I: nothing of the workspace or of PYTHON* is imported. -B: nothing is written beside the action's files.
exec "${python}" -I -B "${BASH_SOURCE[0]%/*}/start.py"
