"""A workshop that trains nothing: what it is asked is written down, and what it answers was said before."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlci.domain.training import Environment, OwnModule, Payload, PayloadFile, Production, Scored, Usage
from mlci.errors import ModelUnusable
from mlci.ports import Candidate, Operated, Unscored

ENVIRONMENT = Environment(
    python="3.11.7", platform="Linux x86_64", packages={"scikit-learn": "1.9.1"}, digest="e" * 64,
    loaded={"scikit-learn": "1.9.1"},
)  # fmt: skip
USAGE = Usage(seconds=2.5, cpu_seconds=4.0, peak_memory=3 << 20)


@dataclass
class MemoryWorkshop:
    """Answers from memory.

    Attributes:
        known: earlier results by inputs key.
        comparison: what is said of production.
        operated: how the two models run.
        code: modules of the user's own that scoring uses.
        unusable: whether a model that was not trained here cannot be scored.
        asked: every question, in order.
    """

    known: dict[str, Candidate] = field(default_factory=dict)
    comparison: tuple[Production, str] | Unscored | None = None
    operated: Operated | None = None
    code: tuple[OwnModule, ...] = ()
    unusable: bool = False
    asked: list[str] = field(default_factory=list)

    def earlier(self, key: str) -> Candidate | None:
        """What is known of this key."""
        self.asked.append("earlier")
        return self.known.get(key)

    def train(self) -> tuple[Payload, Usage]:
        """The same small model every time."""
        self.asked.append("train")
        files = (PayloadFile(path="model.joblib", digest="f" * 64, size=2048),)
        return Payload(path="model.joblib", format="pickle", digest="a" * 64, files=files), USAGE

    def score(self, payload: Payload) -> Scored:
        """The same predictions every time; no file is written."""
        self.asked.append(f"score {payload.files[0].path}")
        if self.unusable and "train" not in self.asked:
            raise ModelUnusable("the model cannot be loaded")
        return Scored(
            path="work/candidate.csv", digest="c" * 64, rows=200, fingerprint="d" * 64, probe=200,
            environment=ENVIRONMENT, usage=USAGE, code=self.code,
        )  # fmt: skip

    def production(self, candidate: Candidate) -> tuple[Production, str] | Unscored | None:  # noqa: ARG002 - the port's shape
        """As was said."""
        self.asked.append("production")
        return self.comparison

    def operate(self, candidate: Candidate) -> Operated | None:  # noqa: ARG002 - the port's shape
        """As was said; no call is made."""
        return self.operated
