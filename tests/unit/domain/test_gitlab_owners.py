"""Who owns a file by GitLab's CODEOWNERS."""

from __future__ import annotations

import pytest

from mlci.domain.setup.gitlab.owners import owned

CI = ".gitlab-ci.yml"


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("", CI, False),
        ("* @team", CI, True),
        (".gitlab-ci.yml @team", CI, True),
        ("/.gitlab-ci.yml @group/sub", CI, True),
        (".gitlab-ci.yml @@maintainer", CI, True),
        (".gitlab-ci.yml team@example.com", CI, True),
        (".gitlab-ci.yml nobody", CI, False),
        (".gitlab-ci.yml", CI, False),
        ("# .gitlab-ci.yml @team", CI, False),
        ("*.yml @team", CI, True),
        ("*.yml @team", "a/b/mlci.yml", True),
        ("/*.yml @team", "a/mlci.yml", False),
        ("/a/*.yml @team", "a/mlci.yml", True),
        ("/a/ @team", "a/b/mlci.yml", True),
        ("a/ @team", "x/a/b/mlci.yml", True),
        ("/a/**/mlci.yml @team", "a/mlci.yml", True),
        ("/a/**/mlci.yml @team", "a/b/c/mlci.yml", True),
        # The name of a folder owns no file in it, as it would by .gitignore.
        ("/a @team", "a/mlci.yml", False),
        ("* @team\n.gitlab-ci.yml", CI, False),
        (".gitlab-ci.yml\n* @team", CI, True),
        ("* @team\n!.gitlab-ci.yml", CI, False),
        ("!.gitlab-ci.yml\n.gitlab-ci.yml @team", CI, False),
        ("[Pipelines] @team\n.gitlab-ci.yml", CI, True),
        ("[Pipelines][2] @team\n.gitlab-ci.yml", CI, True),
        ("[Pipelines]\n.gitlab-ci.yml @team", CI, True),
        ("[Pipelines]\n.gitlab-ci.yml", CI, False),
        ("^[Pipelines] @team\n.gitlab-ci.yml", CI, False),
        ("^[Pipelines] @team\n.gitlab-ci.yml\n[PIPELINES]\n", CI, True),
        # Each section speaks for itself.
        ("* @team\n[Other]\n.gitlab-ci.yml", CI, True),
        ("[One]\n* @team\n[Two]\n!.gitlab-ci.yml", CI, True),
        ("/a\\ b.yml @team", "a b.yml", True),
    ],
)
def test_the_last_line_of_each_section_that_matches_decides(text: str, path: str, expected: bool) -> None:
    assert owned(text, path) is expected
