# Runs mlci: in a Python of this image that has it, else in an environment made for this job alone.
set -e

mlci_fail() {
  printf 'error[%s]: %s\n  = help: %s\n' "$1" "$3" "$4" >&2
  exit "$2"
}

mlci_recent() {
  "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

# Prints the parts of the package that this job needs; status 3 where the interpreter lacks one or has another version.
mlci_look() {
  "$1" -I -c '
import os, re, sys
from importlib.util import find_spec


def given(name):
    return os.environ.get("MLCI_" + name, "").strip()


def listed(folder):
    try:
        return os.listdir(folder) if folder else []
    except OSError:
        return []


def content(path):
    try:
        with open(path, errors="replace") as file:
            return file.read(1 << 20)
    except (OSError, ValueError):
        return ""


names = [given("GATE_COMPARE_CANDIDATE"), given("GATE_COMPARE_BASELINE")]
names += [name for folder in tuple(names) for name in listed(folder)]
if given("COMMAND") == "model-ci":
    names += re.findall(r"\S*\.(?:parquet|pq)\b", content(given("MODEL_CI_CONFIG") or "mlci.yml"), re.IGNORECASE)
parts = set(re.findall("[a-z]+", given("EXTRAS")))
if given("COMMAND") == "data-check":
    engine = given("DATA_CHECK_ENGINE") or content(given("DATA_CHECK_CONFIG") or "mlci.yml")
    if re.search(r"^spark$|\bengine:\W*spark\b", engine):
        parts |= {"gx", "spark"}
    elif re.search(r"^gx$|\bengine:\W*gx\b|\bdatabase:\s*[^\s#]", engine):
        parts.add("gx")
if any(name.lower().endswith((".parquet", ".pq")) for name in names):
    parts.add("parquet")
if "://" in given("GATE_COMPARE_BASELINE_FROM"):
    parts.add("store")
print(",".join(sorted(parts)))
try:
    from mlci import __version__ as version
except Exception:
    version = ""
modules = {"gate": "numpy", "parquet": "pyarrow", "store": "obstore", "mlflow": "mlflow", "data": "duckdb"}
modules |= {"gx": "great_expectations", "spark": "pyspark", "media": "PIL", "sign": "cryptography"}
lacking = [part for part in parts if find_spec(modules.get(part, "mlci")) is None]
sys.exit(3 if lacking or version != given("VERSION") else 0)
'
}

# What the checkout, an earlier job or an earlier run on this machine laid where this job's results belong.
for mlci_place in .mlci .mlci/report; do
  if [ -L "$mlci_place" ]; then rm -f "$mlci_place"; fi
done
rm -rf ".mlci/report/$MLCI_COMMAND"[-.]* .mlci/evidence mlci-keep
# What another job handed on stays, except before the job that makes it.
if [ "$MLCI_COMMAND" = data-check ]; then rm -rf mlci-data; fi

if [ -n "${MLCI_PYTHON:-}" ]; then
  mlci_recent "$MLCI_PYTHON" ||
    mlci_fail U002 2 "what MLCI_PYTHON names is not Python 3.10 or newer" \
      "give the path of an interpreter of this image"
  mlci_python=$MLCI_PYTHON
else
  mlci_python=
  for mlci_name in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
    if mlci_recent "$mlci_name"; then
      mlci_python=$mlci_name
      break
    fi
  done
  [ -n "$mlci_python" ] ||
    mlci_fail U002 2 "there is no Python 3.10 or newer on PATH" \
      "take another image, such as python:3.12, or name an interpreter in MLCI_PYTHON"
fi

mlci_status=0
mlci_parts=$(mlci_look "$mlci_python") || mlci_status=$?
mlci_package="mlci${mlci_parts:+[$mlci_parts]}==$MLCI_VERSION"
if [ "$mlci_status" -ne 0 ]; then
  [ -z "${MLCI_PYTHON:-}" ] ||
    mlci_fail U003 2 "the interpreter that MLCI_PYTHON names does not have $mlci_package" \
      "install \"$mlci_package\" into it, or unset MLCI_PYTHON"
  # A name that nobody can foresee: what another job prepared must not be run with this job's token.
  mlci_home=$(mktemp -d) || mlci_fail U005 2 "the environment cannot be written" "make room in the temporary folder"
  trap 'rm -rf "$mlci_home"' EXIT
  trap 'exit 143' TERM
  "$mlci_python" -I -m venv "$mlci_home/venv" >&2 ||
    mlci_fail U002 2 "there is nothing to install packages with: a Python without venv or ensurepip" \
      "install python3-venv (Debian, Ubuntu), or take another image, such as python:3.12"
  mlci_python=$mlci_home/venv/bin/python
  if ! (
    unset MLCI_TOKEN
    exec "$mlci_python" -I -m pip install --quiet --disable-pip-version-check --no-input --no-user \
      --only-binary :all: "$mlci_package" >&2
  ) || ! mlci_look "$mlci_python" >/dev/null; then
    mlci_fail S001 4 "the packages that mlci needs could not be installed" \
      "let the runner reach a package index or a mirror (PIP_INDEX_URL), or take an image that has \"$mlci_package\""
  fi
fi

# Not exec, so that what was made here is removed when the command has ended. With its own exit, which some runners turn
# into 1 where the shell ends by itself: allow_failure goes by it.
"$mlci_python" -I -m mlci "$MLCI_COMMAND" || exit $?
