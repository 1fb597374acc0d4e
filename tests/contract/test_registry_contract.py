"""In memory, on SQLite, on a server with PostgreSQL and S3, and in GitLab, one artifact is one version.

One test of aliases is left out for GitLab, which has none: ``test_registry_gitlab.py`` says what is there instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from registries import FILES, KINDS, World, an_entry, below, opened
from registry.gitlab_ml import GitLabMl
from registry.gitlab_records import Token
from registry.gitlab_serving import served
from registry.servers import Servers, _servers  # noqa: F401 - a fixture is found by its name

from mlci.adapters.models.looks import RegistryLooks
from mlci.domain.wear import Look, Looks
from mlci.errors import NotWritable, ServiceRefused, UsageError
from mlci.testing.registry import MemoryRegistry

with_aliases = pytest.mark.parametrize("world", [kind for kind in KINDS if kind != "gitlab"], indirect=True)


@pytest.fixture(name="database", scope="session")
def _database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a registry") / "mlflow.db"


@pytest.fixture(name="gitlab")
def _gitlab() -> Iterator[GitLabMl]:
    with served(GitLabMl(tokens={"glpat-1": Token()})) as gitlab:
        yield gitlab


@pytest.fixture(name="world", params=KINDS)
def _world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    if request.param == "memory":
        memory = MemoryRegistry()
        return World("memory", lambda: memory)
    if request.param == "gitlab":
        uri = request.getfixturevalue("gitlab").endpoint
        return World("gitlab", lambda: opened(uri, tmp_path, MLFLOW_TRACKING_TOKEN="glpat-1"))
    if request.param == "sqlite":
        uri = f"sqlite:///{request.getfixturevalue('database')}"
    else:
        uri = request.getfixturevalue("servers").url
    return World(request.param, lambda: opened(uri, tmp_path))


def test_where_nothing_was_registered_there_is_nothing(world: World) -> None:
    registry, model = world.opened(), world.model()

    assert not registry.has_aliases or registry.aliased(model, "production") is None
    assert [registry.numbered(model, number) for number in ("1", "0", "latest", "9" * 30)] == [None] * 4
    assert list(registry.tagged(model, "mlci.artifact", "a" * 64)) == []


def test_a_version_has_its_tags_its_number_and_every_file(world: World, tmp_path: Path) -> None:
    registry, model = world.opened(), world.model()
    version = registry.register(model, an_entry(tmp_path / "entry"))

    assert (version.model, version.number, version.aliases) == (model, "1", ())
    assert version.tags == {"mlci.artifact": "a" * 64, "mlci.inputs": "key", "mlci.commit": "c" * 40}
    assert world.opened().numbered(model, "1") == version
    assert list(world.opened().tagged(model, "mlci.inputs", "key")) == [version]
    assert list(registry.tagged(model, "mlci.inputs", "KEY")) == []
    assert world.opened().fetch(version, "model", str(tmp_path / "out"))
    assert world.opened().fetch(version, "mlci", str(tmp_path / "out"))
    assert below(tmp_path / "out") == FILES


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("model/data", {"model/data/weights.bin", "model/data/empty"}),
        ("model/data/empty", {"model/data/empty"}),
        ("mlci/model.json", {"mlci/model.json"}),
        ("", set(FILES)),
        ("model/dat", set()),
        ("mlci/none", set()),
        ("none", set()),
    ],
)
def test_a_file_or_a_folder_of_a_version_is_copied_under_its_own_path(
    world: World, tmp_path: Path, path: str, names: set[str]
) -> None:
    registry = world.opened()
    version = registry.register(world.model(), an_entry(tmp_path / "entry"))

    assert registry.fetch(version, path, str(tmp_path / "out")) is bool(names)
    assert set(below(tmp_path / "out")) == names


def test_the_same_artifact_twice_makes_no_second_version(world: World, tmp_path: Path) -> None:
    registry, model = world.opened(), world.model()
    first = registry.register(model, an_entry(tmp_path / "one"))
    again = world.opened().register(model, an_entry(tmp_path / "one", tags={"other": "facts"}))
    second = registry.register(model, an_entry(tmp_path / "one", "b"))

    assert (again, second.number) == (first, "2")
    assert [one.number for one in registry.tagged(model, "mlci.inputs", "key")] == ["1", "2"]
    assert registry.numbered(model, "3") is None


def test_several_that_register_one_artifact_at_once_end_with_one_version(world: World, tmp_path: Path) -> None:
    model, entry = world.model(), an_entry(tmp_path / "entry")
    registries = [world.opened() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda one: one.register(model, entry).number, registries))

    kept = world.opened().tagged(model, "mlci.artifact", "a" * 64)
    assert len(kept) == 1
    assert found == [kept[0].number] * 4
    assert world.opened().fetch(kept[0], "", str(tmp_path / "out"))
    assert below(tmp_path / "out") == FILES


@with_aliases
def test_an_alias_points_where_it_was_pointed_last(world: World, tmp_path: Path) -> None:
    registry, model = world.opened(), world.model()
    one = registry.register(model, an_entry(tmp_path / "entry"))
    two = registry.register(model, an_entry(tmp_path / "entry", "b"))
    for version, alias in ((one, "production"), (two, "shadow"), (two, "production")):
        registry.point(version, alias)

    found = world.opened().aliased(model, "production")
    assert found is not None
    assert (found.number, found.aliases) == ("2", ("production", "shadow"))
    assert [one.aliases for one in registry.tagged(model, "mlci.inputs", "key")] == [(), ("production", "shadow")]
    assert registry.aliased(model, "staging") is None


@pytest.mark.parametrize("alias", ["latest", "v7", "", "a b", "a/b", "ä"])
def test_an_alias_that_mlflow_keeps_for_itself_is_refused(world: World, tmp_path: Path, alias: str) -> None:
    registry = world.opened()
    version = registry.register(world.model(), an_entry(tmp_path / "entry"))

    with pytest.raises(UsageError):
        registry.point(version, alias)


def test_what_is_learnt_later_is_added_to_a_version(world: World, tmp_path: Path) -> None:
    registry, model = world.opened(), world.model()
    version = registry.register(model, an_entry(tmp_path / "entry"))
    (tmp_path / "gate.json").write_bytes(b"{1}")
    # In GitLab a tag stays that the version was made with.
    others = {} if world.kind == "gitlab" else {"mlci.inputs": "other"}
    registry.annotate(version, {"mlci.gate": "digest", "mlci.verdict": "fail", **others}, {"auc": 0.5},
                      {"mlci/gate/1.json": str(tmp_path / "gate.json")})  # fmt: skip
    world.opened().annotate(version, {"mlci.verdict": "pass"}, {}, {})

    found = registry.numbered(model, "1")
    assert found is not None
    assert found.tags == {**version.tags, "mlci.gate": "digest", "mlci.verdict": "pass", **others}
    assert list(registry.tagged(model, "mlci.verdict", "pass")) == [found]
    assert list(registry.tagged(model, "mlci.verdict", "fail")) == []
    assert registry.fetch(version, "mlci", str(tmp_path / "out"))
    assert below(tmp_path / "out") == {"mlci/gate/1.json": b"{1}", "mlci/model.json": b"{}"}


def test_a_version_that_is_not_there_cannot_be_pointed_at_or_added_to(world: World, tmp_path: Path) -> None:
    registry, model = world.opened(), world.model()
    version = registry.register(model, an_entry(tmp_path / "entry"))
    gone = type(version)(model=model, number="7", aliases=(), tags={})

    with pytest.raises(ServiceRefused):
        registry.annotate(gone, {"a": "b"}, {"m": 1.0}, {})
    with pytest.raises(ServiceRefused if registry.has_aliases else UsageError):
        registry.point(gone, "production")
    assert not registry.has_aliases or registry.aliased(model, "production") is None


def test_names_and_lengths_that_mlflow_does_not_take_are_fitted(world: World, tmp_path: Path) -> None:
    params = {"größe(x)": "1", "../up": "2", "": "3", "a//b": "4", "long": "ü" * 9000, "n" * 300: "5", "nul": "a\0b"}
    params |= {f"p{count}": str(count) for count in range(250)} | {"k(": "1", "k)": "2", "k_": "3"}
    metrics = {"f1@5%": 0.5, "nan": float("nan"), "inf": float("inf"), "r²": 0.1, "count": 7}
    tags = {"mlci.note": "'; DROP TABLE --", "long": "x" * 200_000}
    entry = an_entry(tmp_path / "entry", params=params, metrics=metrics, description="d" * 9000, tags=tags)
    registry, model = world.opened(), world.model()
    version = registry.register(model, entry)

    assert [one.number for one in registry.tagged(model, "mlci.note", "'; DROP TABLE --")] == [version.number]


def test_a_model_with_a_link_in_it_is_not_registered(world: World, tmp_path: Path) -> None:
    model, entry = world.model(), an_entry(tmp_path / "entry")
    (tmp_path / "entry" / "model" / "passwd").symlink_to("/etc/passwd")

    with pytest.raises(NotWritable, match="passwd"):
        world.opened().register(model, entry)
    assert world.opened().numbered(model, "1") is None


@pytest.mark.parametrize("model", ["", "a/b", "a:b", "a'b", "..", " a"])
def test_a_name_that_no_registered_model_can_have_is_refused(world: World, tmp_path: Path, model: str) -> None:
    with pytest.raises(UsageError):
        world.opened().register(model, an_entry(tmp_path / "entry"))
    with pytest.raises(UsageError):
        world.opened().aliased(model, "production")


@with_aliases
def test_what_is_noted_of_a_model_stays_and_a_model_that_is_not_there_takes_no_note(
    world: World, tmp_path: Path
) -> None:
    registry, model = world.opened(), world.model()
    registry.note(model, {"mlci.look": "1"})
    assert registry.noted(model) == {}
    registry.register(model, an_entry(tmp_path / "a"))
    registry.note(model, {"mlci.look.a": "1"})
    registry.note(model, {"mlci.look.b": "2", "mlci.look.a": "3"})
    assert dict(world.opened().noted(model)) == {"mlci.look.a": "3", "mlci.look.b": "2"}


@with_aliases
def test_two_that_count_looks_at_once_lose_none(world: World, tmp_path: Path) -> None:
    registry, model = world.opened(), world.model()
    registry.register(model, an_entry(tmp_path / "a"))
    here, one = "a" * 64, RegistryLooks(registry, model)
    looks = [Look(evaluation_set=here, candidate=digit * 64) for digit in "123"]
    before = one.looks()
    one.remember(before.seen(looks[:2], here), before)
    RegistryLooks(world.opened(), model).remember(before.seen(looks[2:], here).accepted(looks[2]), before)
    after = RegistryLooks(world.opened(), model).looks()
    assert set(after.at(here).candidates) == {digit * 16 for digit in "123"}
    assert (after.at(here).looks, after.at(here).passed) == (3, "3" * 16)
    one.remember(after.joined(Looks(read=tuple(range(10**9, 10**9 + 900)))), after)
    read = one.looks().read
    assert (read[-1], len(read) > 300) == (10**9 + 899, True)
