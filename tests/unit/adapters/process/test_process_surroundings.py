"""What a command of the user's is started in: no secret, no door into the runner, nothing of mlci's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlci.adapters.process import surroundings as module
from mlci.adapters.process.surroundings import interpreter, surroundings
from mlci.domain.secrets import carries_secret, names_secret
from mlci.errors import FileMissing

SECRETS = {
    "GITHUB_TOKEN": "ghs_abcdefgh",
    "INPUT_GITHUB-TOKEN": "x",
    "aws_secret_access_key": "x",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SESSION_TOKEN": "x",
    "MLFLOW_TRACKING_PASSWORD": "x",
    "GOOGLE_APPLICATION_CREDENTIALS": "/home/user/key.json",
    "SSH_AUTH_SOCK": "/run/agent",
    "SENTRY_DSN": "x",
    "ACTIONS_RUNTIME_TOKEN": "x",
    "ACTIONS_RUNTIME_URL": "x",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "x",
    "ACTIONS_CACHE_URL": "x",
    "ACTIONS_RESULTS_URL": "x",
    "CI_JOB_TOKEN": "x",
    "CI_JOB_JWT_V2": "x",
    "GITHUB_OUTPUT": "/f/1",
    "GITHUB_ENV": "/f/2",
    "GITHUB_PATH": "/f/3",
    "GITHUB_STEP_SUMMARY": "/f/4",
    "GITHUB_STATE": "/f/5",
    "MLCI_GATE_COMPARE_KEY": "id",
    "MLCI_CONFIG": "mlci.yml",
    "CI_REGISTRY_PASSWORD": "of-the-registry",
    "CI_DEPENDENCY_PROXY_PASSWORD": "of-the-proxy",
    "CI_REPOSITORY_URL": "https://gitlab-ci-token:abc@gitlab.example/a/b.git",
    "PIP_INDEX_URL": "https://abcdef@index.example/simple",
    "DATABASE": "see postgresql://user:hunter2@db/x",
    "GIT_CONFIG_VALUE_0": "AUTHORIZATION: basic eDp5",
    "DEPLOY": "-----BEGIN OPENSSH PRIVATE KEY-----\nabc",
    "__PYVENV_LAUNCHER__": "/x/python",
}

PLAIN = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/user",
    "PWD": "/home/user/work",
    "LANG": "C.UTF-8",
    "GITHUB_SHA": "abc",
    "GITHUB_ACTIONS": "true",
    "RUNNER_TRACKING_ID": "github_1",
    "CUDA_VISIBLE_DEVICES": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "REMOTE": "ssh://git@forge.example/a/b",
    "PROXY": "http://proxy.example:3128/a@b",
    "KEYBOARD": "us",
    "EMPTY": "",
}


def added(child: dict[str, str], environ: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in child.items() if environ.get(name) != value}


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_and_no_door_into_the_runner_goes_to_a_child(name: str) -> None:
    assert name not in surroundings({**PLAIN, name: SECRETS[name]})


def test_everything_else_goes_as_it_is() -> None:
    child = surroundings({**PLAIN, **SECRETS})

    assert {name: child.get(name) for name in PLAIN} == PLAIN
    assert set(child) - set(PLAIN) == set(module._DEFAULTS)


@pytest.mark.parametrize("name", SECRETS)
def test_what_is_named_is_kept(name: str) -> None:
    assert surroundings(SECRETS, kept=[name])[name] == SECRETS[name]


def test_a_secret_does_not_go_under_another_name() -> None:
    environ = {
        "API_TOKEN": "hunter2222",
        "SHORT_TOKEN": "true",
        "DEPLOY_KEY": "first line\nsecond line",
        "COPY": " hunter2222\n",
        "HEADER": "Bearer hunter2222",
        "PART": "of second line",
        "LONGER": "hunter22223",
        "FLAG": "true",
    }

    assert set(surroundings(environ)) - set(module._DEFAULTS) == {"LONGER", "FLAG"}


def test_a_secret_that_is_a_common_word_does_not_take_the_path_away() -> None:
    environ = {"PG_PASSWORD": "postgres", "PATH": "/usr/lib/postgres/bin", "PGUSER": "postgres"}

    child = surroundings(environ)

    assert child["PATH"] == environ["PATH"]
    assert "PGUSER" not in child


def test_a_secret_that_is_kept_is_kept_under_its_other_names_too() -> None:
    environ = {"HF_TOKEN": "hf_12345678", "INPUT_TOKEN": "hf_12345678", "HUB": "hf_12345678"}

    child = surroundings(environ, kept=["HF_TOKEN"])

    assert added(child, {}) == module._DEFAULTS | {"HF_TOKEN": "hf_12345678", "HUB": "hf_12345678"}


def test_defaults_yield_to_the_user_and_extra_to_nobody() -> None:
    child = surroundings({"GOMP_SPINCOUNT": "7", "MLCI_SEED": "1"}, extra={"MLCI_SEED": "2", "DO_NOT_TRACK": "0"})

    assert (child["GOMP_SPINCOUNT"], child["MLCI_SEED"], child["DO_NOT_TRACK"]) == ("7", "2", "0")
    assert child["OMP_WAIT_POLICY"] == "PASSIVE"


def test_the_folder_of_an_interpreter_leads_the_path(tmp_path: Path) -> None:
    environ = {"PATH": f"/usr/bin:{tmp_path}/bin:/bin", "VIRTUAL_ENV": "/of/mlci", "PYTHONHOME": "/of/mlci"}
    python = f"{tmp_path}/bin/python"

    child = surroundings(environ, python=python)
    assert child["PATH"] == f"{tmp_path}/bin:/usr/bin:/bin"
    assert {"VIRTUAL_ENV", "PYTHONHOME"} & set(child) == set()

    (tmp_path / "pyvenv.cfg").write_text("")
    assert surroundings(environ, python=python)["VIRTUAL_ENV"] == str(tmp_path)
    assert surroundings(environ, python="python")["PATH"] == environ["PATH"]


def test_mlcis_own_packages_do_not_leak_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    parent = Path(module.__file__).parents[3]
    environ = {"PYTHONPATH": f"src:{tmp_path}/lib:{parent}:/shared/lib", "PYTHONHOME": str(tmp_path)}

    child = surroundings(environ)

    assert child["PYTHONPATH"] == "src:/shared/lib"
    assert "PYTHONHOME" not in child
    assert "PYTHONPATH" not in surroundings({"PYTHONPATH": str(parent)})


def test_a_user_and_mlci_may_share_an_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))

    assert surroundings({"PYTHONPATH": f"{tmp_path}/spark"})["PYTHONPATH"] == f"{tmp_path}/spark"


def test_a_child_that_is_given_a_virtual_environment_is_in_it(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    python = str(tmp_path / "env" / "bin" / "python")

    ran = subprocess.run(
        ["python", "-c", "import sys; print(sys.prefix)"],
        env=surroundings(os.environ, python=python), capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert ran.stdout.strip() == str(tmp_path / "env")


def program(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_interpreter_is_the_first_program_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "folder" / "python").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "python").write_text("no program")
    first = program(tmp_path / "one" / "python")
    program(tmp_path / "two" / "python")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "python3").symlink_to(first)
    path = ":".join(str(tmp_path / name) for name in ("folder", "data", "one", "two", "links"))

    assert interpreter("python", {"PATH": path}, "/") == first
    assert interpreter("python", {"PATH": "folder:two"}, str(tmp_path)) == str(tmp_path / "two" / "python")
    assert interpreter("python3", {"PATH": path}, "/") == str(tmp_path / "links" / "python3")
    assert interpreter("one/python", {}, str(tmp_path)) == first
    assert interpreter(first, {}, "/") == first


def test_an_interpreter_that_is_not_there_is_named_with_the_setting(tmp_path: Path) -> None:
    for name in ("python3.99", "", "no/such/python", "a\0b", "x" * 5000):
        with pytest.raises(FileMissing, match="no program") as raised:
            interpreter(name, {"PATH": str(tmp_path)}, str(tmp_path))
        assert "train.python" in str(raised.value)

    program(tmp_path / "python3")
    with pytest.raises(FileMissing) as raised:
        interpreter("python", {"PATH": str(tmp_path)}, "/")
    assert raised.value.help == "set train.python to python3"


@pytest.mark.parametrize("name", ["MONKEY", "AUTHOR", "PATH", "PATTERN", "OLDPWD", "GITHUB_WORKSPACE", "XAUTHORITY"])
def test_a_name_that_only_looks_like_a_secret_is_none(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize(
    "value", ["https://a.example/@user", "git@host:a/b", "a:b@c", "file:///a:b@c", "https://a?q=x@y"]
)
def test_a_value_that_only_looks_like_credentials_is_none(value: str) -> None:
    assert not carries_secret(value)
