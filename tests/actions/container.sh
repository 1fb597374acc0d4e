#!/usr/bin/env bash
# Runs gate-compare as a step of a job in a container: the image has bash and Python, the host's paths do not exist.
#
#   apt-get install --no-install-recommends podman runc debootstrap
#   sudo tests/actions/container.sh        # as root; two minutes the first time, then MLCI_ROOTFS=FOLDER takes seconds
#
# MLCI_ROOTFS keeps the image's files for the next time. What is tried: images that lack a part of Python (one error
# each), an install, the next step without network, and an image that has mlci. Where packages come from an index of
# one's own, PIP_INDEX_URL and PIP_CERT are handed over.
set -euo pipefail

root=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
work=$(mktemp -d)
files=${MLCI_ROOTFS:-${work}/rootfs}
trap 'podman rmi --all --force >/dev/null 2>&1 || true; rm -rf "${work}"' EXIT

export CONTAINERS_CONF=${work}/containers.conf CONTAINERS_STORAGE_CONF=${work}/storage.conf
# Kept to what works without systemd and without the right to raise limits.
cat >"${CONTAINERS_CONF}" <<'TOML'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
TOML
printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/graph"\nrunroot = "%s/run"\n' "${work}" "${work}" \
  >"${CONTAINERS_STORAGE_CONF}"

# An image for each state of one root file system, from the least to what a step needs.
image() {
  [[ -d "${files}.$1" ]] || { chroot "${files}.last" apt-get install -y -qq --no-install-recommends "$2" >/dev/null 2>&1
    cp -a "${files}.last" "${files}.$1"; }
  tar -C "${files}.$1" -c . | podman import -q - "localhost/$1:test" >/dev/null
}

host=${work}/host
action=${host}/actions/mlci/mlci/0123abc
commands=${host}/temp/_runner_file_commands
mkdir -p "${action}/actions" "${host}/repo" "${commands}" "${host}/home" "${host}/workflow" "${host}/certs"
cp -R "${root}/mlci" "${action}/"
cp -R "${root}"/actions/{start.sh,start.py,locks,gate-compare} "${action}/actions/"
[[ -z "${PIP_CERT:-}" ]] || cp "${PIP_CERT}" "${host}/certs/ca.crt"
{ echo id,label,score; for i in {1..200}; do echo "${i},$((i % 2)),0.$((i % 9 + 1))"; done; } >"${host}/repo/a.csv"
echo '{"repository": {"full_name": "owner/model", "default_branch": "main"}}' >"${host}/workflow/event.json"

# One step in an image, with the variables and folders that the runner gives to a job in a container.
step() { # image, network, further words for podman
  local image=$1 network=$2
  shift 2
  : >"${commands}/output" && : >"${commands}/summary" && : >"${commands}/env" && : >"${commands}/path"
  podman run --rm --network "${network}" --workdir /__w/model/model \
    -v "${host}/actions:/__w/_actions:ro" -v "${host}/repo:/__w/model/model" -v "${host}/temp:/__w/_temp" \
    -v "${host}/home:/github/home" -v "${host}/workflow:/github/workflow:ro" -v "${host}/certs:/certs:ro" \
    -e CI=true -e GITHUB_ACTIONS=true -e HOME=/github/home -e RUNNER_OS=Linux -e RUNNER_TEMP=/__w/_temp \
    -e GITHUB_WORKSPACE=/__w/model/model -e GITHUB_EVENT_PATH=/github/workflow/event.json \
    -e GITHUB_ACTION_PATH=/__w/_actions/mlci/mlci/0123abc/actions/gate-compare \
    -e GITHUB_EVENT_NAME=push -e GITHUB_REPOSITORY=owner/model -e GITHUB_REF=refs/heads/main \
    -e GITHUB_SHA=0123456789012345678901234567890123456789 -e GITHUB_RUN_ID=1 -e GITHUB_RUN_ATTEMPT=1 \
    -e GITHUB_API_URL=http://127.0.0.1:9 -e GITHUB_SERVER_URL=http://127.0.0.1:9 \
    -e GITHUB_OUTPUT=/__w/_temp/_runner_file_commands/output -e GITHUB_ENV=/__w/_temp/_runner_file_commands/env \
    -e GITHUB_PATH=/__w/_temp/_runner_file_commands/path \
    -e GITHUB_STEP_SUMMARY=/__w/_temp/_runner_file_commands/summary \
    -e MLCI_START=../start.sh -e MLCI_COMMAND=gate-compare -e MLCI_GATE_COMPARE_STATUS=false \
    -e MLCI_GATE_COMPARE_CANDIDATE=a.csv -e MLCI_GATE_COMPARE_BASELINE=a.csv "$@" "localhost/${image}:test" \
    bash --noprofile --norc -e -o pipefail -c 'exec bash "$GITHUB_ACTION_PATH/$MLCI_START"' 2>&1
}

refused() { # image, what is said
  local said code=0
  said=$(step "$1" none) || code=$?
  [[ "${code}" == 2 && "${said}" == *"$2"* && $(wc -l <<<"${said}") == 2 ]] || { echo "not ok: $1: ${said}"; exit 1; }
  echo "ok: $1: ${said%%$'\n'*}"
}

judged() { # what is tried, image, network, further words
  local what=$1 said
  shift
  said=$(step "$@") || { echo "not ok: ${what}: ${said}"; exit 1; }
  if ! grep -q "^pass$" "${commands}/output" || ! grep -q "Pass" "${commands}/summary"; then
    echo "not ok: ${what}: ${said}"
    exit 1
  fi
  [[ ! -s "${commands}/env" && ! -s "${commands}/path" ]] || { echo "not ok: ${what}: the job was changed"; exit 1; }
  echo "ok: ${what}"
}

if [[ ! -d "${files}.last" ]]; then
  debootstrap --variant=minbase bookworm "${files}.last" >/dev/null
fi
image minimal python3-minimal
image plain python3
image venv python3-venv

refused minimal "lacks a part of its standard library"
refused plain "there is nothing to install packages with"
judged "an install" venv host ${PIP_INDEX_URL:+-e "PIP_INDEX_URL=${PIP_INDEX_URL}"} ${PIP_CERT:+-e PIP_CERT=/certs/ca.crt}
judged "the next step, without network" venv none

# An image that has mlci of this version: nothing is installed, nothing is reached.
made=$(podman create localhost/venv:test true)
there=$(podman mount "${made}")/usr/lib/python3/dist-packages
cp -R "${host}"/temp/mlci-*/lib/python3*/site-packages/. "${there}/"
cp -R "${root}/mlci" "${there}/"
podman umount "${made}" >/dev/null
podman commit -q "${made}" localhost/installed:test >/dev/null
rm -rf "${host}"/temp/mlci-*
judged "an image that has mlci, without network" installed none
[[ -z "$(find "${host}/temp" -name mlci-finished)" ]] || { echo "not ok: an environment was made"; exit 1; }
