"""The first line of what is posted, which no reader sees: whose it is, how new, and what it speaks of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mlci.publish.audience import Audience

_MARK = re.compile(
    r"<!-- mlci:(?P<kind>report|thread) key=(?P<key>[A-Za-z0-9._-]*) run=(?P<run>\d{1,19})"
    r" attempt=(?P<attempt>\d{1,19})(?: commit=(?P<commit>[0-9a-f]{40,64}))?"
    r"(?P<unmeasured> unmeasured)?(?P<nameless> nameless)? -->"
)

Kind = Literal["report", "thread"]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What the first line says.

    Attributes:
        key: which report on the change it is of.
        age: of the run; the higher, the newer.
        commit: that was judged; None in threads of versions that did not say.
        unmeasured: nobody had measured that commit.
        nameless: the key is empty only because the name of the model could not be read.
    """

    key: str
    age: tuple[int, int]
    commit: str | None
    unmeasured: bool
    nameless: bool

    def outlasts(self, audience: Audience) -> bool:
        """Whether what was posted is left alone by this report, because it is newer or knows more."""
        if self.commit == audience.commit and self.unmeasured is not audience.unmeasured:
            # Whoever has measured a commit knows more than whoever has only seen it, whichever run is newer.
            return audience.unmeasured
        return self.age > audience.run.age

    def repeats(self, audience: Audience) -> bool:
        """Whether both say that nobody has measured the same commit; once is enough, and may have been answered."""
        return self.commit == audience.commit and self.unmeasured and audience.unmeasured

    def is_left_behind(self, audience: Audience) -> bool:
        """Whether it was posted because the model had no name that could be read, and an earlier commit was why.

        A job whose configuration is still broken says so again under the new commit, so whichever job of a later commit
        comes first may take it away. What a fork measured takes nothing away.
        """
        mended = self.commit != audience.commit and self.age < audience.run.age
        return self.nameless and mended and bool(audience.key) and not audience.untrusted

    def why(self, audience: Audience) -> str:
        """Why it was left alone."""
        run, attempt = self.age
        knows = self.commit == audience.commit and audience.unmeasured
        what = "has measured this commit" if knows else "is newer than this one"
        return f"run {run}, attempt {attempt}, {what}"


def marked(kind: Kind, audience: Audience) -> str:
    """The first line of what this report posts."""
    run = audience.run
    words = f"key={audience.key} run={run.id} attempt={run.attempt} commit={audience.commit}"
    more = " unmeasured" * audience.unmeasured + " nameless" * audience.nameless
    return f"<!-- mlci:{kind} {words}{more} -->"


def read_mark(kind: Kind, body: str) -> Mark | None:
    """The mark that a text begins with; None where it has none, or only quotes one."""
    found = _MARK.fullmatch(body.partition("\n")[0].rstrip("\r"))
    if found is None or found["kind"] != kind:
        return None
    return Mark(
        key=found["key"],
        age=(int(found["run"]), int(found["attempt"])),
        commit=found["commit"],
        unmeasured=found["unmeasured"] is not None,
        nameless=found["nameless"] is not None,
    )
