"""The two scripts of the components, in every shell a runner takes: what they find, make, remove, and how they end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlci import __version__
from mlci.surface.components import SETUP, START
from mlci.surface.pipeline import GATE_COMPARE

SHELLS = [found for name in ("bash", "dash", "busybox") if (found := shutil.which(name))]
# As a runner begins: https://gitlab.com/gitlab-org/gitlab-runner/-/blob/main/shells/bash.go
BEGINNING = (
    "if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\nset +o noclobber\n: | eval "
)
BARE = os.path.realpath(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")
# In the place of the package: says how it is run.
PACKAGE = """
import os, sys
print("ran", *sys.argv[1:], os.environ.get("MLCI_TOKEN"), sys.prefix)
sys.exit(int(os.environ.get("EXIT", 0)))
"""


@dataclass
class Job:
    """A job: its checkout, and what is on its PATH."""

    folder: Path
    shell: str
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in (self.bin, self.checkout, self.temp):
            path.mkdir()
        for name in ("sh", "rm", "mktemp", "grep", "dirname", "sed", "tr", "cat"):
            (self.bin / name).symlink_to(shutil.which(name) or name)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def checkout(self) -> Path:
        return self.folder / "check out"

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    def has(self, name: str, script: str) -> None:
        """Put a program on PATH."""
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def runs(self, *scripts: str, command: str = "plan", **given: str) -> subprocess.CompletedProcess[str]:
        """Run scripts as a runner does: each after the other, in one shell."""
        environ = {
            "PATH": str(self.bin), "TMPDIR": str(self.temp), "CI_PROJECT_DIR": str(self.checkout),
            "MLCI_COMMAND": command, "MLCI_VERSION": __version__, "MLCI_EXTRAS": "", "PIP_NO_INDEX": "1",
            **self.environ, **given,
        }  # fmt: skip
        quoted = "'" + "\n".join(scripts).replace("'", "'\\''") + "'"
        words = [self.shell, "sh"] if self.shell.endswith("busybox") else [self.shell]
        return subprocess.run(
            words, input=f"{BEGINNING}{quoted}\nexit 0\n", cwd=self.checkout, env=environ, capture_output=True,
            text=True, check=False, timeout=120,
        )  # fmt: skip


@pytest.fixture(name="job", params=SHELLS, ids=lambda shell: Path(shell).name)
def _job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    return Job(tmp_path, request.param)


@pytest.fixture(name="in_bash")
def _in_bash(tmp_path: Path) -> Job:
    return Job(tmp_path, shutil.which("bash") or "bash")


def wheel(folder: Path, name: str, version: str, files: dict[str, str], extras: str = "") -> None:
    """A package on an index that is a folder."""
    folder.mkdir(exist_ok=True)
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{extras}"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as packed:
        for path, text in files.items():
            packed.writestr(f"{name}/{path}", text)
        packed.writestr(f"{about}/METADATA", metadata)
        packed.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{about}/RECORD", "")


@pytest.fixture(name="index")
def _index(tmp_path: Path) -> str:
    """An index that has the package, with an extra that it needs."""
    folder = tmp_path / "index"
    files = {"__init__.py": f'__version__ = "{__version__}"\n', "__main__.py": PACKAGE}
    extras = "".join(f'Provides-Extra: {one}\nRequires-Dist: {of}; extra == "{one}"\n' for one, of in MODULES.items())
    wheel(folder, "mlci", __version__, files, extras)
    for module in MODULES.values():
        wheel(folder, module, "9", {"__init__.py": ""})
    return str(folder)


MODULES = {"gate": "numpy", "parquet": "pyarrow", "store": "obstore"}


def lent(job: Job, version: str = __version__, name: str = "python3") -> None:
    """An interpreter of the image that has mlci."""
    site = job.folder / "site"
    (site / "mlci").mkdir(parents=True, exist_ok=True)
    (site / "mlci" / "__init__.py").write_text(f'__version__ = "{version}"\n')
    (site / "mlci" / "__main__.py").write_text(PACKAGE)
    subprocess.run([BARE, "-I", "-m", "venv", "--without-pip", str(job.folder / "image")], check=True)
    (packages,) = (job.folder / "image").glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(str(site))
    # Not a link: Python finds its environment by where it is started from.
    job.has(name, f'#!/bin/sh\nexec "{job.folder}/image/bin/python" "$@"\n')


def test_mlci_of_the_image_is_run_where_it_is_the_right_version(job: Job) -> None:
    lent(job)
    # A package of the checkout would be a program of the change.
    (job.checkout / "mlci").mkdir()
    (job.checkout / "mlci" / "__init__.py").write_text("")
    (job.checkout / "mlci" / "__main__.py").write_text("print('of the change')")

    done = job.runs(START, MLCI_TOKEN="glpat-x")

    assert (done.returncode, done.stdout, done.stderr) == (0, f"ran plan glpat-x {job.folder}/image\n", "")
    assert list(job.temp.iterdir()) == []


def test_the_commands_own_exit_is_the_jobs(job: Job, index: str) -> None:
    lent(job)

    assert job.runs(START, EXIT="20").returncode == 20


def test_a_job_makes_an_environment_and_removes_it_again(job: Job, index: str) -> None:
    (job.bin / "python3").symlink_to(BARE)

    done = job.runs(START, PIP_FIND_LINKS=index, EXIT="11", MLCI_TOKEN="glpat-x")

    assert done.returncode == 11, done.stderr
    assert done.stdout.startswith(f"ran plan glpat-x {job.temp}/")
    assert list(job.temp.iterdir()) == []
    assert list(job.checkout.iterdir()) == []


@pytest.mark.parametrize("reason", ["another version", "a part is missing"])
def test_an_mlci_that_will_not_do_is_left_alone(in_bash: Job, index: str, reason: str) -> None:
    lent(in_bash, version="0.0.1" if reason == "another version" else __version__)
    extras = "" if reason == "another version" else "gate,"

    done = in_bash.runs(START, PIP_FIND_LINKS=index, MLCI_EXTRAS=extras)

    assert done.returncode == 0, done.stderr
    assert f"ran plan None {in_bash.temp}/" in done.stdout


@pytest.mark.parametrize(
    ("given", "files", "parts"),
    [
        ({"MLCI_GATE_COMPARE_CANDIDATE": "a.csv"}, [], "gate"),
        ({"MLCI_GATE_COMPARE_CANDIDATE": "a b.Parquet"}, [], "gate,parquet"),
        ({"MLCI_GATE_COMPARE_BASELINE": "b.pq"}, [], "gate,parquet"),
        ({"MLCI_GATE_COMPARE_CANDIDATE": "mlci-model"}, ["mlci-model/predictions.parquet"], "gate,parquet"),
        ({"MLCI_GATE_COMPARE_CANDIDATE": "mlci-model"}, ["mlci-model/predictions.csv"], "gate"),
        ({"MLCI_GATE_COMPARE_BASELINE_FROM": "s3://bucket/x"}, [], "gate,store"),
        ({"MLCI_GATE_COMPARE_BASELINE_FROM": "artifacts"}, [], "gate"),
        ({"MLCI_EXTRAS": "gate,store parquet"}, [], "gate,parquet,store"),
        ({"MLCI_COMMAND": "model-ci"}, ["mlci.yml"], "gate,parquet"),
        ({"MLCI_COMMAND": "model-ci", "MLCI_MODEL_CI_CONFIG": "other.yml"}, ["mlci.yml"], "gate"),
    ],
)  # fmt: skip
def test_the_parts_that_are_needed_are_seen_by_the_names_of_files(
    in_bash: Job, given: dict[str, str], files: list[str], parts: str
) -> None:
    for name in files:
        (in_bash.checkout / name).parent.mkdir(exist_ok=True)
        (in_bash.checkout / name).write_text("data: {holdout: data/h.parquet}\n")

    # Says what it lacks, and makes no environment.
    done = in_bash.runs(START, **{"command": GATE_COMPARE.name, "MLCI_EXTRAS": "gate,", "MLCI_PYTHON": BARE, **given})

    assert done.returncode == 2
    assert f'"mlci[{parts}]=={__version__}"' in done.stderr


@pytest.mark.parametrize(
    ("given", "code", "error", "help"),
    [
        ({}, 2, "U002", "python:3.12"),
        ({"MLCI_PYTHON": "/nowhere/python"}, 2, "U002", "give the path of an interpreter"),
    ],
)
def test_without_a_python_there_is_one_clear_error(
    job: Job, given: dict[str, str], code: int, error: str, help: str
) -> None:
    job.has("python3", "#!/bin/sh\nexit 1\n")  # too old

    done = job.runs(START, **given)

    assert done.returncode == code
    (said, remedy) = done.stderr.splitlines()
    assert said.startswith(f"error[{error}]: ")
    assert remedy.startswith("  = help: ")
    assert help in remedy


def test_what_mlci_python_names_must_have_the_package(job: Job, index: str) -> None:
    done = job.runs(START, MLCI_PYTHON=BARE, MLCI_EXTRAS="gate", PIP_FIND_LINKS=index)

    assert done.returncode == 2
    assert "error[U003]" in done.stderr
    assert f'install "mlci[gate]=={__version__}" into it' in done.stderr
    assert list(job.temp.iterdir()) == []


def test_where_nothing_can_be_installed_the_service_is_to_blame(job: Job) -> None:
    (job.bin / "python3").symlink_to(BARE)

    done = job.runs(START)

    assert done.returncode == 4
    assert "error[S001]: the packages that mlci needs could not be installed" in done.stderr
    assert "PIP_INDEX_URL" in done.stderr
    assert list(job.temp.iterdir()) == []


def test_a_python_without_venv_is_named(in_bash: Job) -> None:
    in_bash.has("python3", f'#!/bin/sh\ncase "$*" in *" venv "*) exit 1;; esac\nexec {BARE} "$@"\n')

    done = in_bash.runs(START)

    assert done.returncode == 2
    assert "error[U002]: there is nothing to install packages with" in done.stderr


def test_a_temporary_folder_that_cannot_be_written_to_is_named(in_bash: Job) -> None:
    (in_bash.bin / "python3").symlink_to(BARE)

    done = in_bash.runs(START, TMPDIR="/nowhere")

    assert done.returncode == 2
    assert "error[U005]" in done.stderr


# In every environment that is made: writes down which program is started, and whether it is handed the token.
SPY = """
import os, sys
with open({log!r}, "a") as file:
    print(" ".join(sys.orig_argv[2:4]), os.environ.get("MLCI_TOKEN"), file=file)
"""


def test_the_token_reaches_no_installer(in_bash: Job, index: str) -> None:
    (in_bash.folder / "spy.py").write_text(SPY.format(log=str(in_bash.folder / "log")))
    spied = (
        f'for site in "$last"/lib/python*/site-packages; do cp "{in_bash.folder}/spy.py" "$site/sitecustomize.py"; done'
    )
    in_bash.has(
        "python3",
        f'#!/bin/bash\n{BARE} "$@" || exit\nfor last; do :; done\ncase "$*" in *" venv "*) {spied} ;; esac\n',
    )
    (in_bash.bin / "cp").symlink_to(shutil.which("cp") or "cp")

    done = in_bash.runs(START, PIP_FIND_LINKS=index, MLCI_TOKEN="glpat-x")

    assert done.returncode == 0, done.stderr
    started = (in_bash.folder / "log").read_text().splitlines()
    assert "-m pip None" in started
    assert started[-1] == "-m mlci glpat-x"
    assert not [line for line in started if "pip" in line and "glpat-x" in line]


def test_nothing_is_built_of_what_an_index_has(in_bash: Job) -> None:
    sources = in_bash.folder / "sources" / f"mlci-{__version__}"
    sources.mkdir(parents=True)
    (sources / "backend.py").write_text(f"open({str(in_bash.folder / 'pwned')!r}, 'w')\n")
    backend = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (sources / "pyproject.toml").write_text(backend)
    (sources / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: mlci\nVersion: {__version__}\n")
    shutil.make_archive(str(sources), "gztar", sources.parent, sources.name)
    (in_bash.bin / "python3").symlink_to(BARE)

    done = in_bash.runs(START, PIP_FIND_LINKS=str(sources.parent))

    assert done.returncode == 4
    assert not (in_bash.folder / "pwned").exists()


def test_what_lies_where_results_belong_is_removed_and_nothing_else(job: Job) -> None:
    lent(job)
    elsewhere = job.folder / "elsewhere"
    (elsewhere / "report").mkdir(parents=True)
    (elsewhere / "report" / "plan.env").write_text("A=1\n")
    mine = job.checkout / ".mlci"
    for name in ("report/plan.env", "report/plan-7.json", "report/model-ci.json", "evidence/gate.json", "mlflow.db"):
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_text("")
    (job.checkout / "mlci-keep").symlink_to(elsewhere)

    assert job.runs(START).returncode == 0

    left = {path.relative_to(mine).as_posix() for path in mine.rglob("*") if path.is_file()}
    assert left == {"report/model-ci.json", "mlflow.db"}
    assert not (job.checkout / "mlci-keep").is_symlink()
    assert (elsewhere / "report" / "plan.env").exists()

    shutil.rmtree(mine)
    mine.symlink_to(elsewhere)
    assert job.runs(START).returncode == 0
    assert not mine.is_symlink()
    assert (elsewhere / "report" / "plan.env").exists(), "nothing is removed behind a link"


PIP = "-m pip install --disable-pip-version-check -r"


@pytest.mark.parametrize(
    ("setup", "config", "files", "expected"),
    [
        ("", "", ["requirements.txt"], [f"{PIP} ./requirements.txt"]),
        (
            "", "my models/mlci.yml", ["requirements.txt", "my models/requirements.txt"],
            [f"{PIP} my models/requirements.txt"],
        ),
        ("", "$(touch pwned)/mlci.yml", ["requirements.txt"], [f"{PIP} ./requirements.txt"]),
        ("", "mlci.yml", [], []),
        ('python one\npython "two $(echo words)"', "mlci.yml", ["requirements.txt"], ["one", "two words"]),
    ],
)  # fmt: skip
def test_the_training_environment_is_installed(
    job: Job, setup: str, config: str, files: list[str], expected: list[str]
) -> None:
    done = prepared(job, setup, config, files)

    said = (job.folder / "said").read_text().splitlines() if (job.folder / "said").exists() else []
    assert done.returncode == 0, done.stderr
    assert said == expected
    assert not list(job.folder.rglob("pwned"))


@pytest.mark.parametrize("setup", ["false\ntrue", "python fail", "exit 7", "python fail\ncd /"])
def test_a_set_up_that_fails_ends_the_job(job: Job, setup: str) -> None:
    assert prepared(job, setup, "", []).returncode != 0


def test_a_change_that_does_not_touch_the_model_installs_nothing(job: Job) -> None:
    done = prepared(job, "touch made", "", ["requirements.txt"], MLCI_MODEL_CI_TOUCHED="false")

    assert done.returncode == 0
    assert not (job.folder / "said").exists()
    assert not (job.checkout / "made").exists()


def test_no_candidate_of_the_checkout_is_left_where_the_set_up_fails(job: Job) -> None:
    assert prepared(job, "false", "", ["mlci-model/predictions.csv"]).returncode == 1
    assert not (job.checkout / "mlci-model").exists()


def prepared(job: Job, setup: str, config: str, files: list[str], **given: str) -> subprocess.CompletedProcess[str]:
    """Run the set-up with a python that writes down what it is asked."""
    for name in files:
        (job.checkout / name).parent.mkdir(exist_ok=True)
        (job.checkout / name).write_text("")
    job.has("python", f'#!/bin/sh\necho "$*" >> "{job.folder}/said"\n[ "$1" != fail ]\n')
    variables = {"MLCI_SETUP": setup, "MLCI_MODEL_CI_CONFIG": config, "MLCI_MODEL_CI_TOUCHED": "", **given}
    return job.runs(SETUP, **variables)
