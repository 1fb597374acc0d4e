"""What a change trained before it was merged, found by what it was merged as.

Only a run for exactly the commit that was proposed is asked (``Runs.artifact_of_commit``), never a fork's: it executed
the very code that was reviewed and merged. What it says of itself is still only believed as far as its bytes bear it
out, and where the merge changed what training reads, its key is another and the model is trained anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from mlci.adapters.disk.archive import only_member, unpack
from mlci.adapters.evidence.model import LARGEST_EVIDENCE, read_model
from mlci.adapters.models.earlier import LARGEST_PACKED, LARGEST_UNPACKED, FolderEarlier
from mlci.adapters.models.handover import EVIDENCE
from mlci.adapters.oneline import one_line
from mlci.domain.run import Change, Run
from mlci.domain.training import Inputs, ModelPredicate
from mlci.ports import Artifact, Runs, Trained

_PARTS = {
    "code": "the code", "params": "the hyper-parameters", "data": "the training data",
    "environment": "the locked environment", "recipe": "the settings of train",
}  # fmt: skip


class MergedEarlier:
    """What runs for the changes left that a run's commit is from, each a packed hand-over folder.

    Attributes:
        notes: why the candidate of a change was not taken, a sentence each.
    """

    def __init__(self, runs: Runs, run: Run, name: str, inputs: Inputs, kept: FolderEarlier) -> None:
        """Look for artifacts of this name; what is found is kept on this machine.

        Args:
            runs: of the forge.
            run: of the default branch, or of a group of changes that is to be merged.
            name: of the artifacts.
            inputs: what training reads here.
            kept: where what is found is laid.
        """
        self._runs, self._run, self._name, self._inputs, self._kept = runs, run, name, inputs, kept
        self.notes: list[str] = []

    def with_inputs(self, model: str, key: str) -> Trained | None:
        """The candidate of a change that was merged as this commit, if it was trained from the same inputs."""
        return self._kept.or_none("what the merged change trained", lambda: self._newest(model, key))

    def _newest(self, model: str, key: str) -> Trained | None:
        self.notes.clear()
        for change in self._changes():
            of = "this very commit" if change is None else f"change {change.number}"
            if change is not None and change.fork:
                self.notes.append(f"{of} comes from a fork, whose candidate is always trained again")
                continue
            origin = f"artifacts {self._name} of {of}"
            found = self._kept.or_none(origin, partial(self._of, change, of, model, key))
            if found is not None:
                self.notes.clear()
                return found
        return None

    def _changes(self) -> Iterator[Change | None]:
        """The commit itself first, which a merge queue has run before; then the changes that it is from."""
        yield None
        yield from self._runs.changes_in(self._run)

    def _of(self, change: Change | None, of: str, model: str, key: str) -> Trained | None:
        run = self._run
        base = run.change.base_branch if run.change is not None else run.default_branch
        head = run.commit if change is None else change.head
        artifact = self._runs.artifact_of_commit(self._name, head, base=base)
        if artifact is None:
            if change is not None:
                self.notes.append(f"{of} left no candidate that can still be read")
            return None
        return self._taken(artifact, of, model, key)

    def _taken(self, artifact: Artifact, of: str, model: str, key: str) -> Trained | None:
        content = self._runs.content(artifact, LARGEST_PACKED)
        evidence = only_member(content, EVIDENCE, LARGEST_EVIDENCE, nested=artifact.nested)
        predicate = read_model(evidence, EVIDENCE)
        if (predicate.model, predicate.inputs.key) != (model, key):
            if key == self._inputs.key:
                self.notes.append(_another(predicate, model, self._inputs, of))
            return None
        origin = f"artifact {artifact.name} of run {artifact.run}, for {of}"
        beside = EVIDENCE if artifact.nested else None
        self._kept.fill(model, key, lambda new: unpack(content, new, LARGEST_UNPACKED, beside=beside))
        return self._kept.found(model, key, origin)


def _another(found: ModelPredicate, model: str, inputs: Inputs, of: str) -> str:
    if found.model != model:
        return f"the candidate of {of} is of the model {one_line(found.model, 60)}"
    parts: Sequence[str] = [_PARTS[part] for part in inputs.differing(found.inputs)]
    others = ", ".join(parts) or "what makes a new model"
    return f"the candidate of {of} was trained from other inputs than this commit has: {others}"
