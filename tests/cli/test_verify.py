"""``mlci verify``: a story that was really promoted and rolled back, told again with one thing changed at a time."""

from __future__ import annotations

import copy
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from chain import Repository, repository
from recorded import Statements, approval, retold, sha256

from mlci.adapters.evidence.record import LedgerRecord
from mlci.adapters.git.call import Git
from mlci.adapters.ledger.git import GitLedger
from mlci.adapters.mlflow import open_registry
from mlci.adapters.models.shelved import RegistryShelf
from mlci.cli.sides import given
from mlci.domain.report import Report
from mlci.errors import ServiceFailed
from mlci.steps import verify
from mlci.testing.ledger import MemoryLedger
from mlci.testing.registry import MemoryRegistry, Stored

MODEL = "late-trips"
POLICY = "promote: {require: {production: [gate]}, relax: {production: [locked-environment]}}\n"
Change = Callable[[int, Statements, dict[str, Any]], None]
# Entries of the story: staging goes to 1, production is found at 1, goes to 2 and back.
STAGED, ADOPTED, PROMOTED, BACK = 1, 3, 5, 7


def git_ledger(found: Repository) -> GitLedger:
    git = Git.installed(str(found.root), os.environ)
    assert git is not None
    return GitLedger(git)


@pytest.fixture(scope="module", name="place")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    found = repository(tmp_path_factory.mktemp("told") / "r")
    config = found.folder / "mlci.yml"
    config.write_text(config.read_text() + POLICY)
    found.commit()
    assert found.mlci("run") == 0
    assert found.mlci("promote", "--version", "1", "--to", "staging") == 0
    found.set(49)
    found.commit()
    assert found.mlci("run") == 0
    assert found.mlci("promote", "--version", "2", "--to", "production", "--adopt", "true", "--reason", "r") == 0
    assert found.mlci("rollback", "--stage", "production", "--reason", "complaints") == 0
    return found


UNSIGNED = verify.Signatures(check=lambda *_: (None, "nobody"), required=False)


@dataclass
class Story:
    """What was really written, in memory, for a test to spoil."""

    ledger: MemoryLedger
    registry: MemoryRegistry
    head: str | None = None
    asked: bool = True
    signed: verify.Signatures = UNSIGNED

    def verified(self) -> Report:
        with tempfile.TemporaryDirectory() as folder:
            return verify.run(
                verify.World(
                    record=LedgerRecord(self.ledger, MODEL),
                    shelf=RegistryShelf(self.registry, MODEL, folder) if self.asked else None,
                    unasked="the registry was not to be asked", open=given, signatures=self.signed, head=self.head,
                )
            )  # fmt: skip

    def told(self, change: Change) -> Story:
        return replace(self, ledger=retold(self.ledger, MODEL, change))


@pytest.fixture(scope="module", name="written")
def _written(place: Repository) -> Story:
    folder = str(place.folder)
    real, memory = open_registry("sqlite:///.mlci/mlflow.db", {}, folder=folder, writing=False), MemoryRegistry()
    for number in ("1", "2"):
        version = real.numbered(MODEL, number)
        assert version is not None
        with tempfile.TemporaryDirectory() as fetched:
            real.fetch(version, "model", fetched)
            real.fetch(version, "mlci", fetched)
            files = {
                path.relative_to(fetched).as_posix(): path.read_bytes()
                for path in Path(fetched).rglob("*") if path.is_file()
            }  # fmt: skip
        memory.stored.setdefault(MODEL, {})[number] = Stored(version, files, {}, {}, "")
        memory.pointed.update({(MODEL, alias): number for alias in version.aliases})
    return Story(retold(git_ledger(place), MODEL, lambda *_: None), memory)


@pytest.fixture(name="story")
def _story(written: Story) -> Story:
    ledger = MemoryLedger(
        kept={MODEL: dict(written.ledger.kept[MODEL])}, evidence={MODEL: dict(written.ledger.evidence[MODEL])}
    )
    there = {number: replace(each, files=dict(each.files)) for number, each in written.registry.stored[MODEL].items()}
    return Story(ledger, MemoryRegistry(stored={MODEL: there}, pointed=dict(written.registry.pointed)))


def finding(report: Report, id: str) -> str:
    """The message of a finding; the ids there are where it is missing."""
    return next((each.message for each in report.findings if each.id == id), str([one.id for one in report.findings]))


def test_told_again_without_a_change_it_is_the_very_same(place: Repository, written: Story) -> None:
    real, told = git_ledger(place).head(MODEL), written.ledger.head(MODEL)
    assert real is not None
    assert told is not None
    assert real.digest == told.digest


def test_what_was_really_released_holds(story: Story) -> None:
    head = story.ledger.head(MODEL)
    story.head = head.digest if head is not None else None
    report = story.verified()
    assert report.verdict.value == "pass"
    assert report.reason == (
        "the chain of entries: held, 8 entries; the head that is remembered: in it, as entry 8; evidence: 4 held; "
        "links: 4 held; verdicts replayed: 2 held; predictions measured again: 2 held; the registry: 4 held; "
        "aliases: 2 held; signatures: none; deployments: not asked"
    )
    assert [row[0] for row in report.sections[0].rows] == ["7", "5", "3", "1"]


# The chain, by somebody who may push the branch and does not make it fit.


def edited(ledger: MemoryLedger) -> None:
    kept = ledger.kept[MODEL]
    kept[5] = kept[5].replace(b'"version":"2"', b'"version":"3"')


def removed(ledger: MemoryLedger) -> None:
    del ledger.kept[MODEL][4]


def reordered(ledger: MemoryLedger) -> None:
    kept = ledger.kept[MODEL]
    kept[5], kept[7] = kept[7], kept[5]


def garbled(ledger: MemoryLedger) -> None:
    ledger.kept[MODEL][6] = b"{}"


def forged(ledger: MemoryLedger) -> None:
    kept = ledger.kept[MODEL]
    kept[9] = kept[8].replace(b'"number":8', b'"number":9')


@pytest.mark.parametrize(
    ("attack", "id", "said"),
    [
        (edited, "verify:chain:6", "does not follow the entry before it"),
        (removed, "verify:chain:5", "entry 4 is missing"),
        (reordered, "verify:chain:5", "the file of entry 5 holds entry 7"),
        (garbled, "verify:chain:6", "cannot be read"),
        (forged, "verify:chain:9", "does not follow the entry before it"),
    ],
)
def test_a_chain_that_was_changed_does_not_hold(
    story: Story, attack: Callable[[MemoryLedger], None], id: str, said: str
) -> None:
    attack(story.ledger)
    report = story.verified()
    assert report.verdict.value == "fail"
    assert said in finding(report, id)
    assert "the chain of entries: does not hold" in report.reason


def test_an_end_that_was_cut_off_is_seen_by_who_remembers_the_head(story: Story) -> None:
    head = story.ledger.head(MODEL)
    assert head is not None
    for number in (7, 8):
        del story.ledger.kept[MODEL][number]
    story.registry.pointed[MODEL, "production"] = "2"
    # The chain by itself cannot tell.
    assert story.verified().verdict.value == "pass"
    story.head = head.digest
    report = story.verified()
    assert report.verdict.value == "fail"
    assert "which somebody remembers" in finding(report, "verify:head")


def test_a_story_that_was_told_anew_is_seen_by_who_remembers_the_head(story: Story) -> None:
    head = story.ledger.head(MODEL)

    def other(number: int, _: Statements, decision: dict[str, Any]) -> None:
        if number == BACK:
            decision["reason"] = "all is well"

    told = story.told(other)
    told.head = head.digest if head is not None else None
    assert "which somebody remembers" in finding(told.verified(), "verify:head")


# The evidence, by somebody who may write everything and makes every digest fit.


def at(number: int, kind: str, act: Callable[[dict[str, Any]], None]) -> Change:
    """Change the predicate of one piece of evidence of one decision."""

    def change(there: int, statements: Statements, _: dict[str, Any]) -> None:
        if there == number:
            act(statements[kind]["predicate"])

    return change


def with_values(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda predicate: predicate.update(values)


def flattered(predicate: dict[str, Any]) -> None:
    predicate["findings"][0]["difference"] += 0.01


def reworded(predicate: dict[str, Any]) -> None:
    predicate["findings"][0]["message"] = "accuracy is much better: pass"


def fewer(predicate: dict[str, Any]) -> None:
    predicate["findings"] = []


def measured_otherwise(predicate: dict[str, Any]) -> None:
    """Numbers that agree with each other and are not those of the predictions."""
    statistic = predicate["statistics"][0]
    statistic["gained"] += 1
    statistic["lost"] += 1
    statistic["differing"] += 2
    predicate.pop("changes")


def unlimited(predicate: dict[str, Any]) -> None:
    predicate["policy"]["tolerance"]["value"] = 0.5


@pytest.mark.parametrize(
    ("change", "id", "said"),
    [
        (at(PROMOTED, "gate", with_values(verdict="warn")), "verdict:5", "says warn, and its numbers say pass"),
        (at(PROMOTED, "gate", flattered), "verdict:5", "what a finding says is not what its numbers say"),
        (at(PROMOTED, "gate", reworded), "verdict:5", "what a finding says is not what its numbers say"),
        (at(PROMOTED, "gate", fewer), "verdict:5", "findings are missing"),
        (at(PROMOTED, "gate", measured_otherwise), "predictions:5", "comes to other numbers"),
        (at(PROMOTED, "gate", unlimited), "verdict:5", "not the one whose digest it names"),
        (at(PROMOTED, "gate", with_values(model="0" * 64)), "links:5", "judged another model"),
        (at(PROMOTED, "gate", with_values(examples=-1)), "evidence:5", "evidence of the gate cannot be used"),
        (at(PROMOTED, "model", with_values(artifact="0" * 64)), "evidence:5", "evidence of the model cannot be used"),
        (at(PROMOTED, "promotion", with_values(stage="staging")), "links:5", "says something else than the entry"),
        (at(PROMOTED, "promotion", with_values(reason="because")), "links:5", "says something else than the entry"),
        (at(BACK, "rollback", with_values(action="promote")), "links:7", "says something else than the entry"),
    ],
)  # fmt: skip
def test_evidence_that_does_not_say_what_is_so_is_found(story: Story, change: Change, id: str, said: str) -> None:
    report = story.told(change).verified()
    assert said in finding(report, f"verify:{id}")
    assert report.verdict.value == ("inconclusive" if said.startswith("not the one") else "fail")


def replayed(story: Story, kind: str, source: int, target: int) -> Story:
    """Evidence of one decision under another."""
    found: Statements = {}

    def change(number: int, statements: Statements, _: dict[str, Any]) -> None:
        if number == source:
            found.update(copy.deepcopy(statements))
        elif number == target:
            statements[kind] = found[kind]

    return story.told(change)


def test_the_gate_of_another_version_is_none_of_this_one(story: Story) -> None:
    report = replayed(story, "gate", STAGED, PROMOTED).verified()
    assert "the gate judged another model" in finding(report, "verify:links:5")


def test_the_evidence_of_another_version_is_none_of_this_one(story: Story) -> None:
    report = replayed(story, "model", STAGED, PROMOTED).verified()
    assert "its artifact is not the one that was decided on" in finding(report, "verify:links:5")


def test_a_decision_without_a_word_of_its_own_is_found(story: Story) -> None:
    def change(number: int, statements: Statements, _: dict[str, Any]) -> None:
        if number == PROMOTED:
            del statements["promotion"]

    assert "names no evidence of the promotion" in finding(story.told(change).verified(), "verify:evidence:5")


def test_a_promotion_on_which_nothing_was_judged_is_told_and_not_held_to_be_right(story: Story) -> None:
    def change(number: int, statements: Statements, _: dict[str, Any]) -> None:
        if number == PROMOTED:
            del statements["gate"]
            statements["promotion"]["predicate"]["requirements"] = []

    report = story.told(change).verified()
    assert report.verdict.value == "warn"
    assert "nothing was judged" in finding(report, "verify:verdict:5")


def test_a_version_that_never_served_is_no_way_back(story: Story) -> None:
    def change(number: int, statements: Statements, decision: dict[str, Any]) -> None:
        if number == BACK:
            decision["target"] = {"version": "9", "artifact": "9" * 64}
            statements["rollback"]["predicate"]["target"] = decision["target"]
            statements["rollback"]["subject"][0]["digest"]["sha256"] = "9" * 64

    assert "never seen to serve" in finding(story.told(change).verified(), "verify:links:7")


def approved(**altered: Any) -> Change:
    """An approval of what was promoted, which says something else in one place."""

    def change(number: int, statements: Statements, _: dict[str, Any]) -> None:
        if number == PROMOTED:
            import rfc8785

            gate = rfc8785.dumps(statements["gate"])
            statements["approval"] = json.loads(approval(gate, **altered))

    return change


BOB = {"login": "bob", "where": "review", "id": 12, "seen": "2026-12-01T09:30:00Z"}


@pytest.mark.parametrize(
    ("altered", "said"),
    [
        ({"gate": "0" * 64, "model": "0" * 64}, "the approval is of another model"),
        ({"gate": "0" * 64, "model": None}, "the approval is of another verdict, and not of this model"),
        ({"satisfied": False}, "not enough people approved"),
        ({"needed": 2}, "not enough people approved"),
        ({"refused": (BOB,)}, "not enough people approved"),
        ({"approvers": (BOB, {**BOB, "login": "robert"}), "needed": 2}, "somebody is counted twice"),
        ({"verdict": "warn"}, "says something else of the gate"),
    ],
)
def test_an_approval_of_something_else_does_not_count(story: Story, altered: dict[str, Any], said: str) -> None:
    report = story.told(approved(**altered)).verified()
    assert said in finding(report, "verify:links:5")


def test_an_approval_holds_and_one_of_a_worse_verdict_on_the_same_model(story: Story) -> None:
    assert story.told(approved()).verified().verdict.value == "pass"
    # promote judged again by what holds now, and asked about that.
    again = approved(verdict="warn")
    judged = at(PROMOTED, "promotion", with_values(verdict="warn"))
    assert story.told(judged).told(again).verified().verdict.value == "pass"
    # Production moved since, and the same model was judged again, and better.
    assert story.told(approved(gate="0" * 64, verdict="warn")).verified().verdict.value == "pass"


def test_bytes_that_are_not_those_of_their_digest_are_found(story: Story) -> None:
    digest = next(iter(json.loads(story.ledger.kept[MODEL][5])["decision"]["evidence"].values()))
    story.ledger.evidence[MODEL][digest] += b" "
    report = story.verified()
    assert report.verdict.value == "fail"
    assert "its bytes are not those of its name" in finding(report, "verify:evidence:5")


def test_evidence_that_is_gone_is_gone_and_not_broken(story: Story) -> None:
    digest = json.loads(story.ledger.kept[MODEL][5])["decision"]["evidence"]["gate"]
    del story.ledger.evidence[MODEL][digest]
    report = story.verified()
    assert report.verdict.value == "warn"
    assert "the ledger has no evidence of the gate any more" in finding(report, "verify:evidence:5")


def test_another_version_of_mlci_may_have_judged_by_other_rules(story: Story) -> None:
    older = at(PROMOTED, "gate", with_values(mlci="0.0.1"))
    assert story.told(older).verified().verdict.value == "pass"
    # Other findings under the same verdict are the affair of that version.
    assert story.told(at(PROMOTED, "gate", reworded)).told(older).verified().verdict.value == "pass"
    report = story.told(at(PROMOTED, "gate", with_values(mlci="0.0.1", verdict="warn"))).verified()
    assert report.verdict.value == "inconclusive"
    assert "mlci 0.0.1 judged" in finding(report, "verify:verdict:5")


def test_a_policy_that_asks_for_more_than_this_version_knows_is_not_judged_without_it(story: Story) -> None:
    def newer(predicate: dict[str, Any]) -> None:
        import rfc8785

        predicate["policy"]["patience"] = 3
        predicate["policy_digest"] = sha256(rfc8785.dumps(predicate["policy"]))

    report = story.told(at(PROMOTED, "gate", newer)).verified()
    assert report.verdict.value == "inconclusive"
    assert "asks for something that this version of mlci does not know" in finding(report, "verify:verdict:5")


# The registry.


def test_a_file_that_was_exchanged_in_the_registry_is_found(story: Story) -> None:
    files = story.registry.stored[MODEL]["2"].files
    name = next(each for each in files if each.startswith("model/") and each.endswith(".pkl"))
    files[name] = files[name][:-1] + b"!"
    report = story.verified()
    assert report.verdict.value == "fail"
    assert "is not the one its evidence names" in finding(report, "verify:registry:5")


def test_a_tag_that_names_another_artifact_is_found(story: Story) -> None:
    stored = story.registry.stored[MODEL]["2"]
    stored.version = replace(stored.version, tags={**stored.version.tags, "mlci.artifact": "0" * 64})
    assert "names another artifact than the ledger" in finding(story.verified(), "verify:registry:5")


def test_a_version_that_is_gone_is_gone_and_not_broken(story: Story) -> None:
    del story.registry.stored[MODEL]["2"]
    report = story.verified()
    assert report.verdict.value == "warn"
    assert "version 2 is gone" in finding(report, "verify:registry:5")
    assert "predictions measured again: 1 held, 1 gone" in report.reason


def test_predictions_that_were_exchanged_are_neither_those_nor_gone(story: Story) -> None:
    files = story.registry.stored[MODEL]["2"].files
    files["mlci/candidate.csv"] += b"\n"
    report = story.verified()
    assert report.verdict.value == "fail"
    assert "a file of predictions" in finding(report, "verify:predictions:5")


def test_predictions_that_are_gone_are_gone_and_not_broken(story: Story) -> None:
    del story.registry.stored[MODEL]["2"].files["mlci/candidate.csv"]
    assert "predictions measured again: 1 held, 1 gone" in story.verified().reason


def test_an_alias_that_was_moved_by_hand_is_found(story: Story) -> None:
    story.registry.pointed[MODEL, "production"] = "2"
    report = story.verified()
    assert report.verdict.value == "fail"
    said = "the alias production is at version 2, and the ledger says version 1: moved by hand"
    assert said in finding(report, "verify:alias:7")


def test_a_decision_that_nobody_finished_is_open_and_not_broken(story: Story) -> None:
    del story.ledger.kept[MODEL][8]
    report = story.verified()
    assert report.verdict.value == "warn"
    assert "nobody has seen it follow" in finding(report, "verify:alias:7")


def test_a_registry_that_does_not_answer_is_not_asked_and_not_broken(story: Story) -> None:
    story.registry.error = ServiceFailed("the registry did not answer")
    report = story.verified()
    assert report.verdict.value == "warn"
    assert "cannot be asked" in finding(report, "verify:registry")
    story.registry.error = None
    story.asked = False
    report = story.verified()
    assert (report.verdict.value, finding(report, "verify:registry")) == ("warn", "the registry was not to be asked")
    assert "the registry: not asked" in report.reason


# Signatures.


def signed(number: int, *kinds: str) -> Change:
    def change(there: int, statements: Statements, _: dict[str, Any]) -> None:
        if there == number:
            statements.update({f"{kind}-signature": {"signature": kind} for kind in kinds})

    return change


def test_what_a_stage_is_at_must_be_signed_where_signatures_are_asked_for(story: Story) -> None:
    story.signed = verify.Signatures(check=lambda *_: ("alice.pem", ""), required=True)
    report = story.verified()
    # Staging still is at what was promoted unsigned; production has since gone back.
    assert report.verdict.value == "fail"
    assert "nobody signed the evidence of" in finding(report, "verify:signature:1")
    report = story.told(signed(STAGED, "model", "gate")).verified()
    assert report.verdict.value == "warn"
    assert "signatures: 2 held, 1 missing" in report.reason


def test_a_signature_that_does_not_count_is_found_wherever_it_is(story: Story) -> None:
    story.signed = verify.Signatures(check=lambda *_: (None, "another statement was signed"), required=True)
    report = story.told(signed(PROMOTED, "gate")).verified()
    assert report.verdict.value == "fail"
    assert "another statement was signed" in finding(report, "verify:signature:5")


def test_a_signature_without_a_key_is_said_to_be_unchecked(story: Story) -> None:
    report = story.told(signed(PROMOTED, "gate")).verified()
    assert report.verdict.value == "warn"
    assert "names no key" in finding(report, "verify:signature:5")


# The command.


@pytest.fixture(name="copied")
def _copied(place: Repository, tmp_path: Path) -> Repository:
    shutil.copytree(place.root, tmp_path / "copy", symlinks=True)
    return Repository(tmp_path / "copy", tmp_path / "copy")


def test_the_command_says_it_in_one_line_and_by_its_exit(
    copied: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert copied.mlci("verify") == 0
    assert copied.report("verify")["verdict"] == "pass"
    head = git_ledger(copied).head(MODEL)
    assert head is not None
    assert copied.mlci("verify", "--head", f"sha256:{head.digest}", "--registry", "false") == 0
    assert copied.mlci("verify", "--head", "0" * 64) == 5
    capsys.readouterr()
    assert copied.mlci("verify", "--head", "yesterday") == 2
    assert "--head must be the sha256 of an entry" in capsys.readouterr().err
    assert copied.mlci("verify", "--model", "other") == 3
    assert "nothing was ever decided" in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["120000", "100755"])
def test_evidence_that_is_a_link_is_not_followed(copied: Repository, mode: str) -> None:
    digest = json.loads(git_ledger(copied).entry(MODEL, 5) or b"")["decision"]["evidence"]["gate"]
    path = f"{MODEL}/evidence/{digest}.json"
    copied.git("read-tree", "mlci/ledger")
    blob = copied.git("rev-parse", f"mlci/ledger:{path}")
    if mode == "120000":
        (copied.root / "target").write_text("../../../.mlci/evidence/gate.json")
        blob = copied.git("hash-object", "-w", "target")
    copied.git("update-index", "--cacheinfo", f"{mode},{blob},{path}")
    commit = copied.git("commit-tree", copied.git("write-tree"), "-p", "mlci/ledger", "-m", "attack")
    copied.git("update-ref", "refs/heads/mlci/ledger", commit)
    assert copied.mlci("verify", "--registry", "false") == 5
    found = {each["id"]: each["message"] for each in copied.report("verify")["findings"]}
    assert "not a plain file" in found["verify:evidence:5"]


def test_signatures_are_checked_by_the_keys_that_the_configuration_names(copied: Repository) -> None:
    config = copied.root / "mlci.yml"
    config.write_text(config.read_text().replace("promote: {", "promote: {signers: [keys/alice.pem], "))
    assert copied.mlci("verify") == 2
    (copied.root / "keys").mkdir()
    (copied.root / "keys" / "alice.pem").write_text("no key")
    assert copied.mlci("verify") == 2
