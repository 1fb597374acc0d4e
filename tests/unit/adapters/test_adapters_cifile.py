"""Pipelines of GitLab as they are put together and as their files say, and files that are not what they seem."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlci.adapters import yamltree
from mlci.adapters.gitlab import cifile
from mlci.adapters.gitlab.api import connect
from mlci.adapters.gitlab.cifile import read_file, read_merged
from mlci.adapters.yamltree import Odd
from mlci.domain.setup.gitlab.pipeline import Include, Job, Pipeline, Refs, Rule
from mlci.errors import ServiceRefused

if TYPE_CHECKING:
    from gitlab_server.gitlab import GitLab

FILE = ".gitlab-ci.yml"
JOB = "job: {script: [make]}\n"


def read(root: Path, text: str | bytes, **more: str) -> Pipeline:
    for name, content in {FILE: text, **more}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_file(root, FILE)


def job(root: Path, text: str, name: str = "job") -> Job:
    return read(root, text).jobs[name]


def test_every_part_that_matters_is_read_as_it_is_written(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
stages: [.post, one, .pre, two]
variables: {A: b, C: {value: d, description: e}, F: {description: g}, H: }
workflow: {rules: [{if: $A, when: never}, {when: always}]}
default: {image: x}
.hidden: {script: [no]}
include: []
job:
  stage: two
  before_script: first
  script:
    - second
    - [third, "fourth \\\\\\n  # of it"]
    - |
      # a comment
      fifth
  rules:
    - if: $B
      changes: [src/*]
      when: manual
      allow_failure: true
    - exists: [x]
      allow_failure: "no"
  when: always
  allow_failure: {exit_codes: [20, 3]}
  needs: [a, {job: b, artifacts: false}, {project: x/y, job: c, ref: main, artifacts: true}, {pipeline: $X}]
  environment: {name: mlci, action: access}
  artifacts: {reports: {dotenv: [x.env], junit: y.xml}}
  variables: {V: w}
child: {trigger: {include: a.yml}}
old: {script: make, only: [main, merge_requests], except: {refs: [tags], changes: [x]}, environment: prod, needs: []}
""",
    )
    one = found.jobs["job"]

    assert found.stages == (".pre", "one", "two", ".post")
    assert found.variables == {"A": "b", "C": "d", "F": "", "H": ""}
    assert found.workflow == (Rule(condition="$A", when="never"), Rule(when="always"))
    assert list(found.jobs) == ["job", "child", "old"]
    assert one.spoken.splitlines()[:3] == ["first", "second", "third"]
    assert one.spoken.splitlines()[-1] == "fifth"
    assert one.rules == (
        Rule(condition="$B", files=True, when="manual", allowed=True), Rule(files=True, allowed=None),
    )  # fmt: skip
    assert (one.stage, one.when, one.allowed) == ("two", "always", (20, 3))
    assert (one.needs, one.takes) == (("a", "b", "c"), ("a", "c"))
    assert (one.environment, one.dotenv, one.variables) == ("mlci", True, {"V": "w"})
    assert (found.jobs["child"].child, found.jobs["child"].needs) == (True, None)
    old = found.jobs["old"]
    assert (old.only, old.excluded) == (Refs(refs=("main", "merge_requests")), Refs(refs=("tags",), narrowed=True))
    assert (old.environment, old.needs, old.takes) == ("prod", (), ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True), ("True", True), ("yes", True), ("on", True), ("false", False), ("no", False), ("off", False),
        ('"no"', True), ("{exit_codes: 20}", (20,)), ("{exit_codes: []}", ()), ("{exit_codes: [20, x]}", True),
        ("{}", ()), ("[20]", True),
    ],
)  # fmt: skip
def test_what_allows_a_failure_is_read_so_that_nothing_passes_for_a_gate(
    tmp_path: Path, text: str, expected: Any
) -> None:
    assert job(tmp_path, f"job: {{script: x, allow_failure: {text}}}\n").allowed == expected


@pytest.mark.parametrize(
    ("more", "takes"),
    [
        ("", None),
        ("dependencies: []", ()),
        ("dependencies: [a]", ("a",)),
        ("needs: [a, b]", ("a", "b")),
        ("needs: [a, b], dependencies: [b]", ("b",)),
        ("needs: [{job: a, artifacts: false}], dependencies: [a]", ()),
    ],
)
def test_whose_artifacts_a_job_takes(tmp_path: Path, more: str, takes: tuple[str, ...] | None) -> None:
    assert job(tmp_path, f"job: {{script: x, {more}}}\n").takes == takes


def test_jobs_have_what_they_extend_and_what_references_name(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
.base: {stage: build, variables: {A: "1", B: "2"}, script: [base]}
.more: {extends: .base, when: always, variables: {B: "3"}}
.rules: {rules: [{if: $X}, {if: $Y}]}
job:
  extends: [.more]
  variables: {C: "4"}
  rules: [!reference [.rules, rules], {when: never}]
other:
  extends: .nowhere
  script: [!reference [.base, script], !reference [.gone, script], own]
  rules: !reference [.rules, rules]
merged:
  <<: &m {stage: deploy, when: manual}
  when: always
  script: x
lists: {<<: [{stage: test}, {stage: deploy, when: manual}], script: x}
""",
    )
    one, other = found.jobs["job"], found.jobs["other"]

    assert (one.stage, one.when, one.spoken) == ("build", "always", "base")
    assert one.variables == {"A": "1", "B": "3", "C": "4"}
    assert one.rules == (Rule(condition="$X"), Rule(condition="$Y"), Rule(when="never"))
    assert other.spoken == "base\nown"
    assert other.rules == (Rule(condition="$X"), Rule(condition="$Y"))
    assert (found.jobs["merged"].stage, found.jobs["merged"].when) == ("deploy", "always")
    assert (found.jobs["lists"].stage, found.jobs["lists"].when) == ("test", "manual")


def test_files_of_the_checkout_are_taken_in_under_what_takes_them_in(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "include: [/ci/a.yml, {local: ci/b.yml}]\njob: {variables: {A: own}}\n",
        **{
            "ci/a.yml": "job: {script: [a], stage: build, variables: {A: a, B: a}}\ninclude: ci/c.yml\n",
            "ci/b.yml": "job: {stage: deploy}\n",
            "ci/c.yml": "deep: {script: [c]}\ninclude: .gitlab-ci.yml\n",
        },
    )

    assert (found.jobs["job"].stage, found.jobs["job"].variables) == ("deploy", {"A": "own", "B": "a"})
    assert found.jobs["deep"].spoken == "c"
    assert [one.written for one in found.includes] == ["/ci/a.yml", "ci/c.yml", ".gitlab-ci.yml", "ci/b.yml"]
    assert found.unseen == ()


@pytest.mark.parametrize(
    ("include", "expected", "unseen"),
    [
        ("a.yml", Include(kind="local", name="a.yml"), True),
        ("ci/*.yml", Include(kind="local", name="ci/*.yml"), True),
        ("../a.yml", Include(kind="local", name="../a.yml"), True),
        ("https://h/a.yml", Include(kind="remote", name="https://h/a.yml"), True),
        ("{remote: https://h/a.yml}", Include(kind="remote", name="https://h/a.yml"), True),
        ("{template: Go.gitlab-ci.yml}", Include(kind="template", name="Go.gitlab-ci.yml"), False),
        ("{project: a/b, file: [x.yml, y.yml], ref: v1}",
         Include(kind="project", name="a/b: x.yml, y.yml", version="v1"), True),
        ("{project: a/b, file: x.yml}", Include(kind="project", name="a/b: x.yml"), True),
        ("{component: h/a/b/c@~latest}", Include(kind="component", name="h/a/b/c", version="~latest"), True),
        ("{component: h/a/mlci/plan@1}", Include(kind="component", name="h/a/mlci/plan", version="1"), False),
        ("{local: a.yml, rules: [{if: $X}]}", Include(kind="local", name="a.yml", conditional=True), True),
        ("{artifact: a.yml}", Include(kind="remote", name="a file named in a way that is not known"), True),
    ],
)  # fmt: skip
def test_what_is_taken_in_is_named_and_what_was_not_read_is_known(
    tmp_path: Path, include: str, expected: Include, unseen: bool
) -> None:
    for text in (f"include: {include}\n{JOB}", f"include: [{include}]\n{JOB}"):
        found = read(tmp_path, text)

        assert found.includes == (expected,)
        assert found.unseen == ((expected.written,) if unseen else ())


# Files that are not what they seem


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("a: [", "not valid YAML"),
        ("a: 1\na: 2\n", "stands twice"),
        ("- a\n", "must be a block"),
        ("a: !!python/object:os.system {}\n", "tag"),
        ("a: !reference {b: c}\n", "tag"),
        ("a: !other [b]\n", "tag"),
        ("a: *nothing\n", "alias"),
        ("a: 1\n---\nb: 2\n", "more than one document"),
        ("a: " + "[" * 60 + "]" * 60, "nested"),
        ("<<: 1\n", "must be a block"),
    ],
)
def test_what_gitlab_would_not_read_is_refused(tmp_path: Path, text: str | bytes, cause: str) -> None:
    with pytest.raises(Odd, match=cause):
        read(tmp_path, text)


def test_a_file_that_is_missing_a_link_or_too_large_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(Odd, match="cannot be opened"):
        read_file(tmp_path, FILE)
    (tmp_path / "other").write_text(JOB)
    (tmp_path / FILE).symlink_to("other")
    with pytest.raises(Odd):
        read_file(tmp_path, FILE)
    (tmp_path / FILE).unlink()
    os.mkfifo(tmp_path / FILE)
    with pytest.raises(Odd, match="no plain file"):
        read_file(tmp_path, FILE)
    (tmp_path / FILE).unlink()
    with pytest.raises(Odd, match="1 MiB"):
        read(tmp_path, "#" * (yamltree.LARGEST_FILE + 1))


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)),
    "extends": "".join(f".j{i}: {{extends: [{', '.join([f'.j{i + 1}'] * 9)}]}}\n" for i in range(11))
    + ".j11: {script: x}\njob: {extends: .j0}\n",
    "references": "".join(
        f".j{i}: {{script: [{', '.join([f'!reference [.j{i + 1}, script]'] * 9)}]}}\n" for i in range(10)
    )
    + ".j10: {script: [x]}\njob: {script: [!reference [.j0, script]]}\n",
    "in a circle": "job: {script: [" + ", ".join(["!reference [job, script]"] * 9) + "]}\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_few_lines_cannot_stand_for_millions(tmp_path: Path, name: str) -> None:
    begun = time.monotonic()

    with pytest.raises(Odd, match="more than"):
        read(tmp_path, BOMBS[name])
    assert time.monotonic() - begun < 5


def test_files_that_take_each_other_in_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifile, "MOST_FILES", 3)
    chain = {f"{i}.yml": f"include: {i + 1}.yml\nj{i}: {{script: x}}\n" for i in range(9)}

    found = read(tmp_path, "include: 0.yml\n" + JOB, **chain)

    assert list(found.jobs) == ["j1", "j0", "job"]
    assert found.unseen == ("2.yml",)


def test_extending_oneself_is_no_circle(tmp_path: Path) -> None:
    assert job(tmp_path, ".a: {extends: .b, script: x}\n.b: {extends: .a}\njob: {extends: .a}\n").spoken == "x"


# As GitLab puts it together


def asked(gitlab: GitLab, **token: Any) -> Any:
    return connect({"CI_API_V4_URL": gitlab.url, "MLCI_TOKEN": gitlab.token(**token)}).read


def test_gitlab_says_what_a_pipeline_comes_to(gitlab: GitLab) -> None:
    text = "include: [{local: more.yml}, {local: some.yml, rules: [{if: $X}]}]\n" + JOB
    project = gitlab.add_project(files={FILE: text, "more.yml": "gate: {script: [mlci gate-compare]}\n"})
    gitlab.commit({"some.yml": "a: {script: b}\n"})

    found = read_merged(asked(gitlab, scopes=("read_api",), role="reporter"), project.id, None, text.encode())

    assert found.whole
    assert [one.name for one in found.calling("gate-compare")] == ["gate"]
    assert found.includes == (Include(kind="local", name="some.yml", conditional=True),)


def test_another_branch_is_asked_for_by_its_name(gitlab: GitLab) -> None:
    project = gitlab.add_project(files={FILE: JOB})
    gitlab.commit({FILE: "other: {script: x}\n"}, "release")

    assert list(read_merged(asked(gitlab), project.id, "release", None).jobs) == ["other"]
    assert list(read_merged(asked(gitlab), project.id, None, None).jobs) == ["job"]


def test_what_gitlab_does_not_accept_is_told_with_its_reason(gitlab: GitLab) -> None:
    project = gitlab.add_project(files={"README.md": "x"})

    found = read_merged(asked(gitlab), project.id, None, None)

    assert found.jobs == {}
    assert found.refused == ("Please provide content of .gitlab-ci.yml",)


def test_who_may_not_ask_is_refused(gitlab: GitLab) -> None:
    project = gitlab.add_project(files={FILE: JOB})

    with pytest.raises(ServiceRefused):
        read_merged(connect({"CI_API_V4_URL": gitlab.url}).read, project.id, None, None)
