"""The action at the root of the repository runs any command."""

from __future__ import annotations

from mlci.surface.pin import PIN

WORKFLOW = f"""
name: Umbrella
on: push
permissions: {{}}
jobs:
  right:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - id: conclude
        uses: {PIN.uses("")}
        with:
          command: conclude
          needs: '{{"train": {{"result": "success", "outputs": {{}}}}}}'
          format: json
      - id: explain
        uses: {PIN.uses("")}
        with:
          command: config explain
          working-directory: models/churn
  wrong:
    runs-on: ubuntu-latest
    steps:
      - uses: {PIN.uses("")}
        with:
          command: conclude
          needs: '{{"train": {{"result": "success", "outputs": {{}}}}}}'
          tolerance: "0.1"
"""


def test_the_umbrella_runs_the_command_it_is_given_and_refuses_what_that_does_not_take(github, act):
    github.add_repository(files={"models/churn/mlci.yml": "model: churn-of-the-folder\n"})
    outcome = act.run(WORKFLOW)

    assert outcome.job("right").result == "success", outcome.log
    assert outcome.job("right").steps["conclude"].outputs["verdict"] == "pass"
    assert "churn-of-the-folder" in outcome.log
    assert outcome.job("wrong").result == "failure"
    assert "the input tolerance is none of the command's" in outcome.log
