"""Whether the branch that changes are merged to has a policy of its own to judge them by."""

from __future__ import annotations

from mlci.domain.finding import Finding
from mlci.domain.setup.words import finding, shown
from mlci.domain.verdict import Verdict


def configuration(config: str, branch: str, there: bool | None, needed: str) -> Finding:
    """Say whether the branch has the configuration file.

    Args:
        config: path of the file inside the repository.
        branch: that changes are merged to.
        there: whether the branch has the file; None where the token may not read it.
        needed: what a token must be allowed to read it.
    """
    file, branch = shown(config), shown(branch)
    if there:
        return finding("configuration", Verdict.PASS, f"{branch} has {file}, which judges every change to it")
    if there is None:
        return finding(
            "configuration",
            Verdict.INCONCLUSIVE,
            f"whether {branch} has {file} is unknown",
            f"Give doctor a token with {needed}.",
            reason="unknown",
        )
    return finding(
        "configuration",
        Verdict.WARN,
        f"{branch} has no {file}, so a change is judged by the one it brings along",
        f"Merge {file} first; from then on the policy of {branch} decides. Another file is named with --config.",
        reason="policy-not-yet-merged",
    )
