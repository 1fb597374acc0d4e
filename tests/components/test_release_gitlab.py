"""The release path under a real runner: a change is agreed to, merged, promoted without training, and taken back."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consumer_gitlab import FORKS, proposed, report_note, set_up
from registry.servers import Servers, _servers  # noqa: F401 - a fixture is found by its name
from repositories import ENVIRON
from test_scenario_gitlab_model import files_of

from mlci.adapters.mlflow import open_registry
from mlci.surface.pin import PIN

sys.path.insert(0, str(Path(__file__).parents[1] / "actions"))

from trained import CONFIG, Training, _training  # noqa: F401

if TYPE_CHECKING:
    from gitlab_server.state import MergeRequest
    from lab import Lab, Ran

    from mlci.ports import Registry

# Of whatever changes the model one person besides its author has to know.
RELEASE = """
approval: {medium: {approvals: 1}, high: {approvals: 1}}
promote:
  stages: [staging, production]
  relax: {production: [data-version, locked-environment, reproducible]}
"""
DIGEST = re.compile(r"gate `(sha256:[0-9a-f]{64})`")


@dataclass(frozen=True)
class Shop:
    """A project with a registry, and its pipeline of model and release.

    Attributes:
        lab: that runs its pipelines.
        registry: of its models.
        model: its name.
        training: how often it was trained.
    """

    lab: Lab
    registry: Registry
    model: str
    training: Training

    @property
    def stages(self) -> dict[str, str | None]:
        """The version that each alias points at."""
        found = {stage: self.registry.aliased(self.model, stage) for stage in ("staging", "production")}
        return {stage: None if version is None else version.number for stage, version in found.items()}

    def status(self, commit: str) -> str:
        """The state of mlci/approval on a commit."""
        return self.lab.gitlab.statuses(commit)[f"mlci/approval/{self.model}"].status

    def merged(self, change: MergeRequest, **how: bool) -> Ran:
        """Merge, and run the pipeline of the default branch."""
        before = self.lab.project().tip("main")
        status, body = self.lab.gitlab.merge(change.iid, **how)
        assert status == 200, body
        return self.lab.run(before=before)

    def mlci(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run mlci in a clone of the project with its ledger, on a machine of somebody's own."""
        folder = self.lab.folder / f"clone-{uuid.uuid4().hex[:8]}"
        subprocess.run(["git", "clone", "-q", str(self.lab.project().objects.folder), str(folder)], check=True)
        subprocess.run(["git", "fetch", "-q", "origin", "mlci/ledger:mlci/ledger"], cwd=folder, check=True)
        command = [sys.executable, "-m", "mlci", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=ENVIRON)


def started(lab: Lab, training: Training, servers: Servers, folder: Path) -> Shop:
    """The project, with one version that its first pipeline made."""
    model = f"churn-{uuid.uuid4().hex[:8]}"
    config = CONFIG.replace("churn", model).replace("validation: {", "validation: {promote_on_pass: staging, ")
    config += f"registry: {{uri: '{servers.url}'}}\n{RELEASE}"
    files = files_of(training, config, register="true")
    files[".gitlab-ci.yml"] += f"  - component: {PIN.component('release')}\n"
    # So that the job that trains, which is given no token, may see what the merged change trained.
    set_up(lab, files, visibility="public")
    for name in ("bob", "carol"):
        lab.gitlab.user(name, "developer")
    lab.releasing = lab.gitlab.token(role="maintainer")
    shop = Shop(lab, open_registry(servers.url, {}, folder=str(folder), writing=False), model, training)
    first = lab.run()
    assert first.results["mlci-staging"] == "success", first.text
    assert shop.stages == {"staging": "1", "production": "1"}, "what is accepted first is production"
    return shop


def counted(shop: Shop) -> Ran:
    """The schedule that looks at what was said on open merge requests."""
    return shop.lab.run(source="schedule", branch="main", environ=FORKS)


def test_a_change_is_agreed_to_merged_promoted_and_taken_back(
    lab: Lab, training: Training, servers: Servers, tmp_path: Path
) -> None:
    before = training.count
    shop = started(lab, training, servers, tmp_path)

    # A change is judged, and its verdict waits for a person who is not its author.
    change = proposed(lab, {"quality.txt": "60\n"})
    asked = lab.run(change=change)
    assert (asked.job("mlci-gate").exit, asked.job("mlci-approval").exit) == (0, 12), asked.text
    assert shop.status(change.sha) == "pending"
    assert lab.gitlab.merge(change.iid)[0] == 405
    (digest,) = DIGEST.findall(report_note(lab, change).body)
    lab.gitlab.say(change.iid, f"/mlci approve {digest}", "bob")
    told = counted(shop)
    assert told.job("mlci-approval").exit == 0, told.text
    assert shop.status(change.sha) == "success"

    # Squashed it is another commit, of the same inputs: nothing is trained, and it goes on to staging by itself.
    merged = shop.merged(change, squash=True)
    assert (merged.status, training.count - before) == ("success", 2), merged.text
    assert shop.stages == {"staging": "2", "production": "1"}

    # A person lets it go on; the bytes are those that the change was judged by.
    done = lab.play(merged, "mlci-production", "carol")
    assert done.exit == 0, done.log
    assert shop.stages == {"staging": "2", "production": "2"}

    # And back.
    back = lab.play(merged, "mlci-rollback", "carol", {"MLCI_ROLLBACK_REASON": "customers complain"})
    assert back.exit == 0, back.log
    assert shop.stages == {"staging": "2", "production": "1"}

    verified = shop.mlci("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    history = shop.mlci("history", "--stage", "production")
    assert [word in history.stdout for word in ("promotion", "bob", "rollback", "carol")] == [True] * 4, history.stdout
    for ran in lab.ran:
        assert lab.token not in ran.text
        assert lab.releasing not in ran.text
