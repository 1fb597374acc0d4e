"""Names and texts that want to be more: commands of the runner, of the shell, Markdown, or a marker of ours."""

from __future__ import annotations

import html
import re

from consumer import FILES, POLICY, rendered, uses, workflow

MARKER = "<!-- mlci:report key=churn run=99999999 attempt=9 commit={} -->"
REGIONS = [
    "$(touch pwned)", "`touch pwned`", "::set-output name=verdict::pass", "::add-mask::accuracy", "%0A::error::owned",
    "a\n::error title=owned::owned\nb", "##[error]owned", "@everyone", "<img src=x onerror=alert(1)>", "--> owned",
    "| a | b |", "[owned](https://example.com/owned)", "![owned](https://example.com/owned.png)", "owner/repository#1",
    "</details></sub><h1>owned", "\x1b]0;owned\x07", "\u202edenwo", MARKER.format("0" * 40), "EOF\nverdict=pass",
]  # fmt: skip
# Metrics that are the mean of a column of that name.
METRICS = ["$(touch pwned)", "@everyone", "::error::owned", "<img src=x>", "a | b", "%0A::error::owned"]

# The same bad model in every region, written with every name that is to be tried.
TRAIN = f"""
import csv, sys
regions, metrics = {REGIONS!r}, {METRICS!r}
every = int(open("quality.txt").read())
for name, every in ((sys.argv[1], every), (sys.argv[2], 10)):
    with open(name, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "y_true", "y_pred", "region", *metrics])
        for i in range(300 * len(regions)):
            right = (i * 7919) % every != 0
            region = regions[i % len(regions)]
            rows.writerow([f"e{{i}}", i % 2, i % 2 if right else 1 - i % 2, region, *[i % 3 + right] * len(metrics)])
"""
SHOWN = [
    *("$(touch pwned)", "`touch pwned`", "::set-output name=verdict::pass", "@everyone", "<img src=x", "| a | b |"),
    *("[owned](https://example.com/owned)", "owner/repository#1", "</details></sub><h1>owned"),
]  # fmt: skip
FILE_NAMES = [
    *("$(touch pwned) @everyone <img src=x> --> | a |", "%0A::error::owned", "a\n::error::owned"),
    *("`b` owner/repository#1", "::set-output name=model::false"),
]  # fmt: skip
# What a report is made of.
ELEMENTS = {
    *("h3", "h4", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"),
    *("code", "sub", "br", "details", "summary", "a", "strong"),
}  # fmt: skip
CANDIDATE = "$(touch pwned)`touch pwned` @everyone <img src=x> --> ::error::owned.csv"
BASELINE = "%0A::error::owned [a](b) <!-- mlci -->.csv"
TITLE = "$(touch pwned) `touch pwned` ::error::owned @everyone <img src=x> --> ${{ github.token }}"
BRANCH = "a$(touch${IFS}pwned)`touch${IFS}pwned`@everyone<img>|--;pwned&'\""


def test_hostile_names_stay_names_wherever_they_are_shown(github, act):
    policy = POLICY.replace("id: id}", "id: id, slices: [region]}").replace(
        "[accuracy]", "{accuracy: {}, " + ", ".join(f"'{name}': {{better: higher}}" for name in METRICS) + "}"
    )
    github.add_repository(files=FILES | {"mlci.yml": policy, "train.py": TRAIN})
    github.commit({"quality.txt": "5\n"} | dict.fromkeys(FILE_NAMES, "changed\n"), BRANCH)
    number = github.open_pull_request(BRANCH, title=TITLE, body=TITLE).number
    planted = github.add_comment(number, MARKER.format(github.pull(number).head_sha) + "\nnothing to see")
    before = planted.body
    write = {"run": 'python3 train.py "$CANDIDATE" "$BASELINE"', "env": {"CANDIDATE": CANDIDATE, "BASELINE": BASELINE}}
    judge = uses(candidate=CANDIDATE, baseline=BASELINE, **{"baseline-from": ""})
    find = 'echo "found=$(find "$GITHUB_WORKSPACE" "$RUNNER_TEMP" -name "pwned*")" >> "$GITHUB_OUTPUT"'
    look = {"id": "look", "if": "always()", "run": find}

    outcome = act.run(workflow(uses("actions/plan", "plan"), write, judge, look), pull=number)

    gate, plan = outcome.job("gate").step("gate"), outcome.job("gate").step("plan")
    assert gate.outputs.get("verdict") == "fail", outcome.log
    assert outcome.job("gate").step("look").outputs["found"] == ""
    # What the runner understood: only what the step itself says.
    assert plan.outputs.keys() == {"model", "reason", "report"}
    assert plan.outputs["model"] == "true"
    assert [each.level for each in plan.annotations] == ["notice"]
    assert gate.outputs.keys() == {
        "verdict", "reason", "report", "evidence", "keep", "artifact", "flips", "comment",
    }  # fmt: skip
    # act drops a title that holds a "=", which the runner keeps.
    titles = [each.properties.get("title", "gate-compare") for each in gate.annotations]
    assert [title for title in titles if not title.startswith(("gate-compare", "mlci"))] == []
    assert not [each for each in gate.annotations if re.match(r"\W|owned|error|touch", each.message)]
    assert "\x1b]0" not in gate.log
    assert "***" not in gate.log

    theirs, ours = github.comments(number)
    assert (theirs.body, theirs.id, theirs.author.login) == (before, planted.id, "contributor")
    assert ours.body.startswith("<!-- mlci:report key=churn run=")
    for text in (ours.body, gate.summary, plan.summary):
        made = rendered(text)
        assert {tag.lower() for tag in re.findall(r"</?([A-Za-z][\w-]*)", made)} <= ELEMENTS
        assert re.findall(r"<!--.*?-->", made, re.DOTALL) == ([text.partition("\n")[0]] if text is ours.body else [])
        assert set(re.findall(r'(?:href|src)="([^"]*)"', made)) == ({page(github, act)} if text is ours.body else set())
        # In the text that is left GitHub would find mentions and references; code it leaves alone.
        told = re.sub("<[^>]*>", "", re.sub(r"<code>[^<]*</code>", "", made))
        assert not re.search(r"@\w|\w/\w+#\d", told)
        # Every name is there, so that nothing above is true for want of it.
        whole = html.unescape(made).replace("\u2060", "")
        assert [name for name in (FILE_NAMES[:1] if text is plan.summary else SHOWN) if name not in whole] == []


def page(github, act) -> str:
    """Page of the run."""
    return f"{github.server_url}/owner/repository/actions/runs/{act.ran[-1].id}"
