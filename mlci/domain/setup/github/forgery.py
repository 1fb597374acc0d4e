"""Who could make the required check green without the gate: strong, medium or weak protection."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.patterns import pattern
from mlci.domain.setup.github.facts import Setup, each_job, place
from mlci.domain.setup.github.required import named, wanted
from mlci.domain.setup.github.workflow import Grant
from mlci.domain.setup.words import finding, listed, shown
from mlci.domain.verdict import Verdict

_LOCK = "A check is a light, not a lock: what is promoted is judged again from the evidence."


def forgery(setup: Setup) -> Finding:
    """Grade what keeps somebody who can push a branch from setting the required check."""
    branch = shown(setup.branch)
    outside = [
        one for one in setup.protection.workflows if one.repository != setup.repository.id or one.commit is not None
    ]
    if outside:
        paths = listed([one.path for one in outside])
        return finding(
            "forgery",
            Verdict.PASS,
            f"strong: a change to {branch} must pass workflows that it cannot alter: {paths}",
            f"Whether they run the gate cannot be seen from here. {_LOCK}",
        )
    unreadable = setup.unreadable("rules", "classic")
    gaps = list(_gaps(setup))
    if not gaps:
        return finding(
            "forgery",
            Verdict.PASS,
            "medium: the check counts only as its app posts it, and owners review every change of the workflows and "
            f"of {shown(setup.config)} before it is merged",
            "Where that app is GitHub Actions, whoever may push a branch can still make a workflow there with "
            "checks: write that sets a check of this name on any commit; the branch need never be merged, so nobody "
            "reviews it. What would stop that: a required workflow of another repository, or a check posted by an App "
            f"of your own, whose key no branch's workflow can read. {_LOCK}",
        )
    if unreadable is not None or (setup.unreadable("reviews") is not None and gaps == [_REVIEW]):
        return finding(
            "forgery",
            Verdict.INCONCLUSIVE,
            f"who could set the check is unknown: {shown(unreadable or setup.unreadable('reviews') or '', 200)}",
            "Owners' reviews of classic branch protection are read with an administrator's token; those of a ruleset "
            "with contents: read.",
            reason="unknown",
        )
    return finding(
        "forgery",
        Verdict.WARN,
        f"weak: whoever can push a branch can make a workflow that sets the check{_writers(setup)}",
        f"Missing for medium: {'; '.join(gaps)}. Strong is a ruleset with 'Require workflows to pass before merging' "
        f"and a workflow of another repository. {_LOCK}",
    )


_REVIEW = "'Require review from Code Owners' on the branch"


def _gaps(setup: Setup) -> Iterator[str]:
    """What is missing for the grade medium."""
    checks = [check for name in wanted(setup) for check in named(setup, name)]
    if all(check.app is None for check in checks):
        yield "the required check tied to its app (source GitHub Actions instead of any source)"
    unowned = _unowned(setup)
    if unowned:
        yield f"owners in CODEOWNERS of {listed(unowned)}"
    if not setup.protection.owner_review:
        yield _REVIEW


def _unowned(setup: Setup) -> list[str]:
    """The places that decide about the check and that nobody owns; the whole folder where there is no file at all."""
    if setup.owners is None:
        return [".github/", setup.config]
    path, text = setup.owners
    # The new file stands for every workflow that a change could add.
    files = [*(workflow.file for workflow in setup.workflows), ".github/workflows/new.yml", setup.config, path]
    unowned = [file for file in files if not _owned(text, file)]
    return [".github/"] * any(file.startswith(".github/") for file in unowned) + [
        file for file in dict.fromkeys(unowned) if not file.startswith(".github/")
    ]


def _owned(text: str, path: str) -> bool:
    """Whether a path has an owner: the last line that matches decides, and one without owners takes them away.

    As https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
    has it; a pattern that cannot be read owns nothing.
    """
    owned = False
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if words and _matches(words[0], path):
            owned = any("@" in word for word in words[1:])
    return owned


def _matches(text: str, path: str) -> bool:
    try:
        found = pattern(text).matches(path)
    except ValueError:
        return False
    # Unlike .gitignore, a star at the end does not reach into folders: docs/* owns docs/a.md and not docs/b/c.md.
    shallow = text.endswith("/*") and "**" not in text
    return found and (not shallow or path.count("/") == text.strip("/").count("/"))


def _writers(setup: Setup) -> str:
    """The jobs that could do it today, as the end of a sentence."""
    found: list[str] = []
    for route in each_job(setup.routes):
        held = [f"{scope}: write" for scope in ("statuses", "checks") if _writes(setup, route.granted, scope)]
        if held:
            found.append(f"{place(*route.steps[-1])} ({', '.join(held)})")
    return f"; today these tokens could: {listed(found)}" if found else ""


def _writes(setup: Setup, grant: Grant | None, scope: str) -> bool:
    if grant is None:
        return setup.protection.default_permissions == "write"
    return grant.level(scope) == "write"
