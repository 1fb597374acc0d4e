"""Files of a pipeline that somebody else could change after the review."""

from __future__ import annotations

from collections.abc import Iterator

from mlci.domain.finding import Finding
from mlci.domain.setup.gitlab.facts import Setup
from mlci.domain.setup.words import finding, listed
from mlci.domain.verdict import Verdict


def pins(setup: Setup) -> Iterator[Finding]:
    """Whether each component and file of another project is named by a commit, or by an exact version."""
    if setup.pipeline is None:
        return
    outside = [one for one in setup.pipeline.includes if one.kind not in ("local", "template")]
    loose = list(dict.fromkeys(one.written for one in outside if not one.pinned))
    if loose:
        yield finding(
            "pins",
            Verdict.WARN,
            f"the pipeline takes in what can change under it: {listed(loose)}",
            "Write the full commit behind the @, or as ref:, and the version as a comment. A branch, ~latest and half "
            "a version name other code tomorrow; what lies at an address can change at any time.",
        )
    elif outside:
        yield finding("pins", Verdict.PASS, "every file of another project is named by a commit or an exact version")
