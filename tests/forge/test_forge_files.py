"""Files, comparisons, runs and artifacts come from a real repository and behave as GitHub's."""

from __future__ import annotations

from urllib.parse import quote

import requests

from forge.repository import Submodule, Symlink

RAW = {"Accept": "application/vnd.github.raw+json"}


def test_a_missing_file_and_a_missing_commit_are_both_not_found_and_told_apart_by_asking_for_the_commit(
    github, opened, ask
):
    assert ask("GET", f"/contents/mlci.yml?ref={opened}", headers=RAW).text == "model: churn\n"
    assert ask("GET", f"/contents/missing.yml?ref={opened}").status_code == 404
    assert ask("GET", "/contents/mlci.yml?ref=" + "0" * 40).status_code == 404
    assert ask("GET", f"/commits/{opened}").json()["sha"] == opened
    assert ask("GET", "/commits/" + "0" * 40).status_code == 422
    for name in ("feature", "heads/feature", "refs/heads/feature", opened[:8]):
        assert ask("GET", f"/commits/{name}").json()["sha"] == opened
    for name in ("feature~1", "feature^", ":/first", "HEAD@{0}"):
        assert ask("GET", f"/commits/{quote(name)}").status_code == 422


def test_folders_links_and_submodules_say_what_they_are(github, ask):
    large = b"x" * (1024 * 1024 + 1)
    files = {"d/a": "text\n", "to a": Symlink("d/a"), "out": Symlink("../../etc/passwd"), "sub": Submodule("a" * 40)}
    github.add_repository(files={**files, "large": large})

    assert [(each["type"], each["path"]) for each in ask("GET", "/contents/d").json()] == [("file", "d/a")]
    assert ask("GET", "/contents/to%20a", headers=RAW).text == "text\n"
    assert ask("GET", "/contents/out").json()["target"] == "../../etc/passwd"
    assert ask("GET", "/contents/sub").json()["type"] == "submodule"
    assert ask("GET", "/contents/large").status_code == 403
    assert len(ask("GET", "/contents/large", headers=RAW).content) == len(large)


def test_a_comparison_is_with_the_point_where_the_branches_parted(github, opened, ask):
    github.commit({"train.py": None, "code/train.py": "second\n", "ü\n.md": "x"}, "feature")
    github.commit({"elsewhere.py": "x"}, "main")

    shown = ask("GET", "/compare/main...feature").json()

    assert {each["filename"]: each["status"] for each in shown["files"]} == {
        "code/train.py": "added",
        "train.py": "removed",
        "ü\n.md": "added",
    }
    assert (shown["status"], shown["ahead_by"], shown["behind_by"]) == ("diverged", 2, 1)
    github.commit({"code/fit.py": "a\nb\nc\n"}, "main")
    github.commit({"code/fit.py": None, "fit.py": "a\nb\nc\n"}, "moved")
    moved = ask("GET", "/compare/main...moved").json()["files"]
    assert [(each["status"], each["previous_filename"]) for each in moved] == [("renamed", "code/fit.py")]


def test_a_comparison_lists_300_files_and_only_on_its_first_page(github, opened, ask):
    github.commit({f"many/{number}": str(number) for number in range(301)}, "feature")

    first, second = (ask("GET", f"/compare/main...feature?per_page=1&page={page}") for page in (1, 2))

    assert len(first.json()["files"]) == 300
    assert second.json()["files"] == []
    assert len(second.json()["commits"]) == 1
    assert "next" in first.links


def test_a_fork_is_seen_through_its_parent_and_gone_when_it_is_deleted(github, opened, ask):
    github.add_repository("stranger/repository", fork_of="owner/repository")
    sha = github.commit({"train.py": "third\n"}, "main", repository="stranger/repository")
    pull = github.open_pull_request("main", fork="stranger/repository")
    own, theirs = github.add_run(pull=github.pull(1)), github.add_run(pull=pull)

    assert [each["number"] for each in ask("GET", "/pulls?head=stranger:main").json()] == [2]
    assert [each["number"] for each in ask("GET", f"/commits/{sha}/pulls").json()] == [2]
    assert ask("GET", "/compare/main...stranger:main").json()["files"][0]["filename"] == "train.py"
    assert ask("GET", f"/contents/train.py?ref={sha}", headers=RAW).text == "third\n"
    assert ask("GET", f"/actions/runs/{own.id}").json()["pull_requests"][0]["number"] == 1
    run = ask("GET", f"/actions/runs/{theirs.id}").json()
    assert (run["pull_requests"], run["head_repository"]["full_name"]) == ([], "stranger/repository")
    pull.head_repository = None
    assert ask("GET", "/pulls/2").json()["head"]["repo"] is None


def test_an_artifact_is_fetched_from_another_host_that_must_not_see_the_token(github, opened, ask):
    run = github.add_run(branch="main")
    old = github.put_artifact(run, "mlci-gate", {"gate.json": b"old"}, expired=True)
    new = github.put_artifact(run, "mlci-gate", {"gate.json": b"new"})
    github.put_artifact(run, "other", b"no zip at all", digest=None, size=7)

    found = ask("GET", "/actions/artifacts?name=mlci-gate").json()
    assert [(each["id"], each["expired"]) for each in found["artifacts"]] == [(new.id, False), (old.id, True)]
    assert found["artifacts"][0]["workflow_run"]["head_branch"] == "main"
    assert ask("GET", f"/actions/artifacts/{old.id}/zip").status_code == 410

    place = ask("GET", f"/actions/artifacts/{new.id}/zip")
    address = place.headers["Location"]
    assert place.status_code == 302
    assert address.split("/")[2] != github.url.split("/")[2]
    assert requests.get(address, timeout=10).content == new.content
    assert requests.get(address, headers={"Authorization": "Bearer x"}, timeout=10).status_code == 400
    assert github.violations == ["the blob store was sent a credential"]
    github.violations.clear()
