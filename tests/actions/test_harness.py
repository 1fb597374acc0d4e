"""The workflow engine and the loopback GitHub play together: what a step does is seen."""

from __future__ import annotations

import io
import json
import zipfile

WORKFLOW = """
name: model
on: pull_request
permissions:
  contents: read
  pull-requests: write
jobs:
  gate:
    name: the gate
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix:
        seed: [1, 2]
    outputs:
      said: ${{ steps.say.outputs.said }}
    steps:
      - uses: actions/checkout@0123456789012345678901234567890123456789
      - id: say
        env:
          TOKEN: ${{ github.token }}
          SEED: ${{ matrix.seed }}
        run: |
          printf 'said<<END\\n%s\\nof %s\\nEND\\n' "$(cat train.py)" "$GITHUB_RUN_ID" >> "$GITHUB_OUTPUT"
          echo "# seed $SEED" >> "$GITHUB_STEP_SUMMARY"
          echo "::warning file=train.py,line=3,title=Look::a%0Ab"
          curl -sS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"body": "hello"}' \\
            "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/1/comments" -o "$RUNNER_TEMP/answer"
          mkdir -p .mlci/keep && echo "$SEED" > .mlci/keep/seed && echo no > .mlci/keep/.hidden
      - uses: actions/upload-artifact@1111111111111111111111111111111111111111
        with:
          name: kept-${{ matrix.seed }}
          path: .mlci/keep
      - if: matrix.seed == 2
        run: exit 3
  conclude:
    needs: gate
    if: always()
    runs-on: ubuntu-latest
    steps:
      - id: needs
        env:
          NEEDS: ${{ toJSON(needs) }}
        run: echo "result=$(echo "$NEEDS" | tr -d '\\n ')" >> "$GITHUB_OUTPUT"
  never:
    needs: gate
    runs-on: ubuntu-latest
    steps:
      - run: echo never
"""


def prepared(github):
    github.add_repository(files={"train.py": "first\n"})
    sha = github.commit({"train.py": "second\n"}, "feature")
    github.open_pull_request("feature")
    return sha


def test_a_workflow_runs_and_all_that_it_does_is_seen(github, act):
    sha = prepared(github)
    github.protect("main", ["the gate (1)", "the gate (2)"])

    outcome = act.run(WORKFLOW, pull=1)

    run = act.ran[0]
    good, bad = outcome.job("gate", seed=1), outcome.job("gate", seed=2)
    assert (good.result, bad.result, outcome.job("never").result, outcome.code) == ("success", "failure", "skipped", 1)
    assert good.steps["say"].outputs == {"said": f"second\nof {run.id}"}
    assert good.summary == "# seed 1\n"
    assert good.steps["2"].outputs.keys() == {"artifact-digest"}
    note = good.annotations[0]
    assert (note.level, note.message, note.properties["file"], note.properties["line"]) == (
        "warning", "a\nb", "train.py", "3",
    )  # fmt: skip
    assert '"result":"failure"' in outcome.job("conclude").steps["needs"].outputs["result"]
    assert {name: check.fields["conclusion"] for name, check in github.checks(sha).items()} == {
        "the gate (1)": "success",
        "the gate (2)": "failure",
        "conclude": "success",
        "never": "skipped",
    }
    status, body = github.merge(1)
    assert status == 405
    assert "the gate (2)" in body["message"]
    assert "the gate (1)" not in body["message"]


def test_the_token_has_what_the_workflow_declares_and_artifacts_become_those_of_the_run(github, act):
    sha = prepared(github)

    act.run(WORKFLOW, pull=1)

    assert [comment.author.login for comment in github.comments(1)] == ["github-actions[bot]"] * 2
    posted = github.asked("POST /issues/{issue_number}/comments")
    assert {name: level for name, level in posted[0].token.permissions.items() if level != "none"} == {
        "contents": "read",
        "pull_requests": "write",
    }
    artifacts = {each.name: each for each in github.repository().artifacts.values()}
    assert sorted(artifacts) == ["kept-1", "kept-2"]
    assert artifacts["kept-1"].run == act.ran[0].id
    assert act.ran[0].head_sha == sha
    assert zipfile.ZipFile(io.BytesIO(artifacts["kept-2"].content)).namelist() == ["seed"]


def test_a_fork_may_not_write(github, act):
    prepared(github)
    github.add_repository("stranger/repository", fork_of="owner/repository")
    github.commit({"train.py": "third\n"}, "main", repository="stranger/repository")
    github.open_pull_request("main", fork="stranger/repository")

    outcome = act.run(WORKFLOW, pull=2)

    assert github.comments(1) == []
    assert {each.status for each in github.asked("POST /issues/{issue_number}/comments")} == {403}
    assert outcome.job("gate", seed=1).steps["say"].outputs["said"].startswith("third")


SEEN = """
name: seen
on: [push, merge_group, workflow_run, schedule, workflow_dispatch, pull_request_target]
jobs:
  see:
    runs-on: ubuntu-latest
    steps:
      - id: see
        run: |
          { echo "event=$GITHUB_EVENT_NAME"; echo "ref=$GITHUB_REF"; echo "sha=$GITHUB_SHA"
            echo "run=$GITHUB_RUN_ID.$GITHUB_RUN_ATTEMPT"
            echo "payload=$(tr -d '\\n' < "$GITHUB_EVENT_PATH")"; } >> "$GITHUB_OUTPUT"
  gate:
    needs: see
    uses: mlci/mlci/.github/workflows/inner.yml@2222222222222222222222222222222222222222
  call:
    name: caller
    if: false
    uses: mlci/mlci/.github/workflows/inner.yml@2222222222222222222222222222222222222222
"""
INNER = """
name: inner
on: workflow_call
jobs:
  one:
    name: the job
    runs-on: ubuntu-latest
    steps:
      - run: "true"
"""


def seen(outcome):
    found = outcome.job("see").step("see").outputs
    return found["event"], found["ref"], found["sha"], json.loads(found["payload"])


def test_each_event_is_told_as_github_tells_it(github, act, tmp_path):
    sha = prepared(github)
    act.staged = tmp_path / "ours"
    (act.staged / ".github" / "workflows").mkdir(parents=True)
    (act.staged / ".github" / "workflows" / "inner.yml").write_text(INNER)
    main, group = github.repository().tip("main"), github.enqueue(1)

    pushed = act.run(SEEN)
    queued = act.run(SEEN, group=group)
    after = act.run(SEEN, triggering=github.add_run(pull=github.pull(1)))
    target = act.run(SEEN, pull=1, event="pull_request_target")
    again = act.run(SEEN, event="schedule", again=act.ran[-1])

    event, ref, commit, payload = seen(pushed)
    assert (event, ref, commit) == ("push", "refs/heads/main", main)
    assert payload["repository"]["default_branch"] == "main"
    event, ref, commit, payload = seen(queued)
    assert (event, ref, commit) == ("merge_group", group.ref, group.sha)
    assert payload["merge_group"]["base_sha"] == main
    assert github.checks(group.sha)["gate / the job"].fields["conclusion"] == "success"
    assert github.checks(group.sha)["caller"].fields["conclusion"] == "skipped"
    event, ref, commit, payload = seen(after)
    assert (event, ref, commit) == ("workflow_run", "refs/heads/main", main)
    assert payload["workflow_run"]["head_sha"] == sha
    assert seen(target)[:3] == ("pull_request_target", "refs/heads/main", main)
    assert again.job("see").step("see").outputs["run"] == f"{act.ran[-1].id}.2"


def test_our_tree_is_staged_as_github_packs_it(staged_tree):
    assert (staged_tree / "mlci" / "__init__.py").is_file()
    assert not (staged_tree / ".git").exists()
    assert not (staged_tree / "tests").exists()
    assert not list(staged_tree.rglob("__pycache__"))
