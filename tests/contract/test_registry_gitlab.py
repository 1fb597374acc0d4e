"""What only a registry in GitLab can show: who may ask, its gaps, and MLflow's own client beside ours."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import requests
from gitlab_project import TOKEN, _client, _gitlab, _registry, names_of, runs_of  # noqa: F401 - fixtures
from registries import FILES, an_entry, below, opened
from registry.gitlab_ml import GitLabMl
from registry.gitlab_records import Answer
from registry.gitlab_serving import served

from mlci.errors import OutOfRange, RegistryBroken, ServiceFailed, ServiceRefused, UsageError
from mlci.ports import Registry

FLAT = {"model/MLmodel": b"flavors: {}\n", "model/model.pkl": b"weights", "mlci/model.json": b"{}"}


# Which address is one of GitLab, and who asks there.


@pytest.mark.parametrize("project", ["42", "group%2Fproject", "42/"])
def test_a_project_is_named_by_its_number_or_its_encoded_path(gitlab: GitLabMl, tmp_path: Path, project: str) -> None:
    uri = gitlab.endpoint.replace("/42/", f"/{project.rstrip('/')}/") + ("/" if project.endswith("/") else "")
    registry = opened(uri, tmp_path, MLFLOW_TRACKING_TOKEN=TOKEN)

    assert registry.register("churn", an_entry(tmp_path / "entry")).number == "1"
    assert names_of(gitlab) == ["1.0.0"]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("https://gitlab.invalid/api/v4/projects/group/project/ml/mlflow", "not encoded"),
        ("http://gitlab.invalid/api/v4/projects/42/ml/mlflow", "in the clear"),
        ("https://me:secret@gitlab.invalid/api/v4/projects/42/ml/mlflow", "holds credentials"),
    ],
)
def test_an_address_that_would_not_do_is_refused_before_anything_is_sent(tmp_path: Path, uri: str, said: str) -> None:
    with pytest.raises(OutOfRange, match=said) as refused:
        opened(uri, tmp_path, MLFLOW_TRACKING_TOKEN=TOKEN)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    ("environ", "sent"),
    [
        ({"MLFLOW_TRACKING_TOKEN": TOKEN, "MLCI_TOKEN": "other"}, f"Bearer {TOKEN}"),
        ({"MLCI_TOKEN": TOKEN, "CI_JOB_TOKEN": "of-the-job", "CI_API_V4_URL": "{url}/api/v4"}, f"Bearer {TOKEN}"),
        ({"MLCI_TOKEN": TOKEN, "CI_JOB_TOKEN": "of-the-job", "CI_API_V4_URL": "https://other.invalid/api/v4"}, None),
        ({"MLCI_TOKEN": TOKEN}, None),
        ({"CI_JOB_TOKEN": "of-the-job", "CI_API_V4_URL": "{url}/api/v4"}, None),
    ],
)
def test_the_token_of_the_job_goes_nowhere_and_that_of_its_gitlab_to_that_gitlab_alone(
    gitlab: GitLabMl, tmp_path: Path, environ: dict[str, str], sent: str | None
) -> None:
    environ = {name: value.replace("{url}", gitlab.url) for name, value in environ.items()}
    with contextlib.suppress(ServiceRefused):
        opened(gitlab.endpoint, tmp_path, **environ).numbered("churn", "1")

    assert gitlab.sent - {None} == {sent} - {None}


@pytest.mark.parametrize("host", ["gitlab.invalid", "other.invalid"])
def test_the_runners_own_authority_vouches_for_its_gitlab_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    asked: list[tuple[str, object]] = []

    def request(_: object, method: str, url: str, **how: object) -> None:
        asked.append((url, how["verify"]))
        raise requests.exceptions.InvalidURL

    monkeypatch.setattr("requests.Session.request", request)
    environ = {"CI_API_V4_URL": "https://gitlab.invalid/api/v4", "CI_SERVER_TLS_CA_FILE": "/builds/ca.crt"}
    with pytest.raises(ServiceFailed):
        opened(f"https://{host}/api/v4/projects/42/ml/mlflow", tmp_path, **environ).numbered("churn", "1")

    [(url, verified)] = asked
    assert url.startswith(f"https://{host}/api/v4/projects/42/ml/mlflow/")
    assert verified == ("/builds/ca.crt" if host == "gitlab.invalid" else None)


@pytest.mark.parametrize("token", ["", "unknown", "narrow", "stranger", "of-the-job", "reads", "reporter"])
def test_a_token_that_may_not_is_one_error_that_says_which_may(
    gitlab: GitLabMl, tmp_path: Path, registry: Registry, token: str
) -> None:
    version = registry.register("churn", an_entry(tmp_path / "entry"))
    asker = opened(gitlab.endpoint, tmp_path, MLFLOW_TRACKING_TOKEN=token)
    if token in ("reads", "reporter"):
        assert asker.numbered("churn", "1") == version
        assert asker.fetch(version, "model", str(tmp_path / "out"))
    with pytest.raises(ServiceRefused) as refused:
        asker.register("churn", an_entry(tmp_path / "entry", "b"))

    assert ("may not see it" if token == "stranger" else "CI_JOB_TOKEN, is not taken") in str(refused.value.help)
    assert not token or token not in str(refused.value)
    assert names_of(gitlab) == ["1.0.0"]


# What GitLab shows of a version, to people and to MLflow's own client.


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mlflows_own_client_reads_a_version_and_loads_its_model(
    gitlab: GitLabMl, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registries.FILES", FLAT)
    environ = {"CI_API_V4_URL": f"{gitlab.url}/api/v4", "MLCI_TOKEN": TOKEN, "CI_JOB_ID": "4711"}
    registry = opened(gitlab.endpoint, tmp_path, **environ)
    entry = an_entry(tmp_path / "entry", params={"größe(x)": "ü" * 9000}, metrics={"f1": 0.875, "nan": float("nan")})
    registry.register("other", an_entry(tmp_path / "entry"))
    version = registry.register("churn", entry)
    registry.annotate(version, {"mlci.gate": "pass"}, {"auc": 0.5}, {})
    seen = client.get_model_version_by_alias("churn", "1.0.0")
    run = client.get_run(seen.run_id)
    import mlflow

    folder = Path(mlflow.artifacts.download_artifacts(f"models:/churn/{seen.version}", dst_path=str(tmp_path)))
    (listed,) = client.get_registered_model("churn").latest_versions
    assert (seen.description, seen.tags["mlci.artifact"], seen.tags["gitlab.version"]) == (
        "**Better** by 0.02", "a" * 64, "1.0.0",
    )  # fmt: skip
    assert (listed.version, version.page) == (seen.version, seen.source)
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"f1": 0.875, "auc": 0.5})
    assert {name: len(value) for name, value in run.data.params.items()} == {"größe_x_": 250}
    assert [value for name, value in run.data.tags.items() if name.startswith("mlci.gate@")] == ["pass"]
    assert [one.job for one in runs_of(gitlab)] == ["4711"]
    assert {name: (folder / name).read_bytes() for name in ("MLmodel", "model.pkl")} == {
        "MLmodel": b"flavors: {}\n", "model.pkl": b"weights",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_version_that_mlflows_own_client_made_is_read(registry: Registry, client: Any, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"theirs")
    client.create_registered_model("churn")
    made = client.create_model_version("churn", "", tags={"gitlab.version": "1.0.0", "by": "hand"})
    client.log_artifact(made.run_id, str(tmp_path / "model.pkl"))
    found = registry.numbered("churn", "1")

    assert found is not None
    assert (found.tags, registry.fetch(found, "model", str(tmp_path / "out"))) == ({"by": "hand"}, True)
    assert below(tmp_path / "out") == {"model/model.pkl": b"theirs"}
    assert not registry.fetch(found, "mlci", str(tmp_path / "out"))


def test_folders_that_another_program_uploaded_are_folders_again(
    gitlab: GitLabMl, registry: Registry, client: Any, tmp_path: Path
) -> None:
    client.create_registered_model("churn")
    client.create_model_version("churn", "", tags={"gitlab.version": "1.0.0"})
    package = gitlab.models["churn"].versions[0].package
    package.files += [("data%2Fwith%20blank", b"1"), ("MLmodel", b"old"), ("MLmodel", b"new")]
    found = registry.numbered("churn", "1")

    assert found is not None
    assert registry.fetch(found, "model", str(tmp_path / "out"))
    assert below(tmp_path / "out") == {"model/data/with blank": b"1", "model/MLmodel": b"new"}
    package.files.append(("..%2F..%2Fup", b"1"))
    with pytest.raises(RegistryBroken, match="which no version has"):
        registry.fetch(found, "model", str(tmp_path / "other"))


# What GitLab cannot do, or does otherwise.


def test_there_are_no_aliases_and_the_error_says_what_to_do_instead(registry: Registry, tmp_path: Path) -> None:
    version = registry.register("churn", an_entry(tmp_path / "entry"))

    assert not registry.has_aliases
    for ask in (lambda: registry.aliased("churn", "production"), lambda: registry.point(version, "production")):
        with pytest.raises(UsageError, match="has no aliases") as refused:
            ask()
        assert "--baseline-from artifacts" in str(refused.value.help)


def test_a_tag_that_a_version_was_made_with_cannot_change_and_a_later_one_can(
    registry: Registry, tmp_path: Path
) -> None:
    version = registry.register("churn", an_entry(tmp_path / "entry", tags={"mlci.inputs": "key", "blank": " "}))
    for verdict in ("fail", "warn", "pass"):
        registry.annotate(version, {"mlci.verdict": verdict, "mlci.inputs": "key"}, {}, {})
    with pytest.raises(ServiceRefused, match=r"mlci\.inputs"):
        registry.annotate(version, {"mlci.inputs": "other", "mlci.verdict": "fail"}, {}, {})

    found = registry.numbered("churn", "1")
    assert found is not None
    assert found.tags == {"mlci.artifact": "a" * 64, "mlci.inputs": "key", "mlci.verdict": "pass"}


def test_a_file_that_is_added_again_is_the_one_that_was_added_last(registry: Registry, tmp_path: Path) -> None:
    version = registry.register("churn", an_entry(tmp_path / "entry"))
    for content in (b"first", b"second", b""):
        (tmp_path / "gate.json").write_bytes(content)
        registry.annotate(version, {}, {}, {"mlci/gate.json": str(tmp_path / "gate.json")})
        assert registry.fetch(version, "mlci/gate.json", str(tmp_path / "out"))
        assert below(tmp_path / "out") == {"mlci/gate.json": content}


@pytest.mark.parametrize("model", ["late trips", "größe", "a+b", "x" * 241])
def test_a_name_that_gitlab_does_not_take_is_refused_with_what_it_takes(
    registry: Registry, tmp_path: Path, model: str
) -> None:
    with pytest.raises(UsageError, match="in GitLab") as refused:
        registry.register(model, an_entry(tmp_path / "entry"))
    assert "letters, digits" in str(refused.value.help)


def test_versions_of_other_names_have_no_number_and_the_next_one_goes_above_them(
    gitlab: GitLabMl, registry: Registry, client: Any, tmp_path: Path
) -> None:
    client.create_registered_model("churn")
    for name in ("0.1.0", "3.2.1", "2.0.0-rc1"):
        client.create_model_version("churn", "", tags={"gitlab.version": name, "mlci.inputs": "key"})
    version = registry.register("churn", an_entry(tmp_path / "entry"))

    assert (version.number, names_of(gitlab)[-1]) == ("4", "4.0.0")
    assert list(registry.tagged("churn", "mlci.inputs", "key")) == [version]
    assert [registry.numbered("churn", number) for number in ("0", "3", "3.2.1", "2.0.0-rc1", "04")] == [None] * 5


def test_a_gitlab_that_lists_bare_rows_is_understood(gitlab: GitLabMl, registry: Registry, tmp_path: Path) -> None:
    gitlab.lists_rows = True
    first = registry.register("churn", an_entry(tmp_path / "entry"))

    assert registry.register("churn", an_entry(tmp_path / "entry")) == first
    assert registry.register("churn", an_entry(tmp_path / "entry", "b")).number == "2"
    assert [one.number for one in registry.tagged("churn", "mlci.inputs", "key")] == ["1", "2"]


def test_a_gitlab_that_keeps_no_files_of_a_run_is_named_before_a_version_is_made(
    gitlab: GitLabMl, registry: Registry, tmp_path: Path
) -> None:
    gitlab.promotes = gitlab.lists_runs = False
    with pytest.raises(ServiceRefused) as refused:
        registry.register("churn", an_entry(tmp_path / "entry"))

    assert "17.10" in str(refused.value.help)
    assert (names_of(gitlab), runs_of(gitlab)) == ([], [])


def test_a_version_that_was_made_without_its_files_is_none(
    gitlab: GitLabMl, registry: Registry, tmp_path: Path
) -> None:
    gitlab.promotes = False
    with pytest.raises(ServiceRefused, match=r"1\.0\.0 of churn without its files"):
        registry.register("churn", an_entry(tmp_path / "entry"))

    assert registry.numbered("churn", "1") is None
    assert list(registry.tagged("churn", "mlci.inputs", "key")) == []
    gitlab.promotes = True
    assert registry.register("churn", an_entry(tmp_path / "entry")).number == "2"


def test_a_file_that_is_too_large_ends_in_no_version_and_no_run(
    gitlab: GitLabMl, registry: Registry, tmp_path: Path
) -> None:
    gitlab.largest = 1000
    with pytest.raises(ServiceRefused, match="too large"):
        registry.register("churn", an_entry(tmp_path / "entry"))
    assert (names_of(gitlab), runs_of(gitlab)) == ([], [])


# What is not believed.


@pytest.mark.parametrize("spoilt", ["weights", "list", "path", "name"])
def test_files_that_are_not_those_that_were_registered_are_refused(
    gitlab: GitLabMl, registry: Registry, tmp_path: Path, spoilt: str
) -> None:
    version = registry.register("churn", an_entry(tmp_path / "entry"))
    package = gitlab.models["churn"].versions[0].package
    changed = {
        "weights": lambda name, content: b"x" * len(content) if "weights" in name else content,
        "list": lambda name, content: b"{" if "files-" in name else content,
        "path": lambda _, content: content.replace(b"model/data", b"model/.."),
        "name": lambda _, content: content.replace(b'"name":"MLmodel"', b'"name":"../../MLmodel"'),
    }
    package.files = [(name, changed[spoilt](name, content)) for name, content in package.files]

    with pytest.raises(RegistryBroken):
        registry.fetch(version, "model", str(tmp_path / "out"))
    assert not list(tmp_path.glob("**/weights.bin.*"))


def test_a_page_on_another_host_is_not_shown(gitlab: GitLabMl, registry: Registry, tmp_path: Path) -> None:
    registry.register("churn", an_entry(tmp_path / "entry"))
    gitlab.url = "https://evil.invalid/root"
    found = registry.numbered("churn", "1")
    assert found is not None
    assert found.page is None


def test_an_object_store_that_files_are_handed_on_from_gets_no_token(
    gitlab: GitLabMl, registry: Registry, tmp_path: Path
) -> None:
    version = registry.register("churn", an_entry(tmp_path / "entry"))
    store = GitLabMl()
    files = gitlab.models["churn"].versions[0].package.files

    def answer(method: str, target: str, headers: Any, body: bytes) -> Answer:
        store.sent |= {headers.get(name) for name in ("Authorization", "PRIVATE-TOKEN")}
        return Answer(200, dict(files)[target.rpartition("/")[2].partition("?")[0]])

    store.answer = answer  # type: ignore[method-assign]
    with served(store) as there:
        gitlab.stored = there.url
        assert registry.fetch(version, "", str(tmp_path / "out"))
    assert below(tmp_path / "out") == FILES
    assert store.sent == {None}
