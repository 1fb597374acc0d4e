"""The pipeline with a registry, under a real runner: what it registers, what it refuses, and who sees the token."""

from __future__ import annotations

import uuid

import pytest
from consumer import exit_of, seen
from registry.faulty import in_front_of
from registry.servers import Servers, _servers  # noqa: F401 - a fixture is found by its name
from trained import (
    CALLER,
    CONFIG,
    PLACE,
    _training,  # noqa: F401
    in_one_file,
    jobs_within,
    proposed,
    results,
)

from mlci.adapters.mlflow import open_registry

TOKEN = "token-of-the-registry"
REGISTERS = (
    CALLER
    + """\
    with:
      register: true
    secrets:
      registry-token: ${{ secrets.REGISTRY }}
"""
)


@pytest.fixture(name="proxy")
def _proxy(servers: Servers):
    with in_front_of(servers.url) as found:
        yield found


def test_a_merge_becomes_production_of_the_registry_and_a_change_is_judged_against_it(
    github, act, training, proxy, tmp_path
):
    model = f"churn-{uuid.uuid4().hex[:8]}"
    files = training.files(CONFIG.replace("churn", model) + f"registry: {{uri: '{proxy.url}'}}\n")
    github.add_repository(files=files | {PLACE: REGISTERS})
    registry = open_registry(proxy.target.geturl(), {}, folder=str(tmp_path), writing=False)

    merged = act.run(PLACE, event="push", secrets={"REGISTRY": TOKEN})
    assert merged.code == 0, merged.log
    assert (merged.job("model").outputs["version"], merged.job("gate").outputs["verdict"]) == ("1", "warn")
    production = registry.aliased(model, "production")
    assert production is not None
    assert (production.number, production.tags["mlci.commit"]) == ("1", github.repository().tip("main"))
    assert production.tags["mlci.verdict"] == "warn", production.tags
    assert (TOKEN in merged.raw, proxy.authorizations) == (False, {f"Bearer {TOKEN}"})

    # The change scores with other code, so that production is scored anew, with the code of its own commit.
    proxy.authorizations.clear()
    number = proposed(github, "better", **{"quality.txt": "60\n"})
    better = act.run(PLACE, pull=number, secrets={"REGISTRY": TOKEN})
    assert (better.code, better.job("model").outputs["trained"]) == (0, "true"), better.log
    assert better.job("model").outputs["version"] == ""
    said = seen(github.comments(number)[0])
    assert f"{model} version 1" in said, said
    assert "no worse than production on accuracy" in said, said
    assert proxy.authorizations == {None}, "a change's run is given no token"
    assert registry.numbered(model, "2") is None


def test_an_embedded_registry_that_ends_with_a_hosted_runner_is_refused_before_training(github, act, training):
    lasting = CONFIG + f"registry: {{uri: 'sqlite:///{training.trace.with_name('registry.db')}'}}\n"
    github.add_repository(files=training.files(lasting))
    before = training.count

    outcome = act.run(in_one_file(register=True), event="push", env={"RUNNER_ENVIRONMENT": "github-hosted"})

    ended = dict.fromkeys(("plan", "code", "data"), "success") | dict.fromkeys(("model", "gate", "conclude"), "failure")
    assert (results(outcome), exit_of(outcome, "model")) == (ended, 2), outcome.log
    said = " ".join(outcome.job("model").log.split())
    assert "error[R001]" in said
    assert all(way in said for way in ("MLflow server", "--register false", "baselines come from artifacts")), said
    assert training.count == before


def test_production_of_a_registry_finds_its_code_because_the_whole_history_is_checked_out():
    checkout = jobs_within("model", register=True)["model"]["steps"][0]
    assert checkout["with"]["fetch-depth"] == "${{ true && '0' || '1' }}"
