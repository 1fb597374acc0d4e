"""How much is at risk: what policy names, what it does not, what nobody knows; and no fact that makes it less."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.domain.test_domain_candidate import PREDICATE

from mlci.domain.patterns import pattern
from mlci.domain.release.evidence import LEVELS
from mlci.domain.release.tier import Facts, File, LevelPolicy, TierPolicy, differences, tier_of
from mlci.domain.training import Data
from mlci.domain.verdict import Verdict

POLICY = TierPolicy(
    levels={
        "low": LevelPolicy(changed=(pattern("prompts/**"),), approvals=0),
        "medium": LevelPolicy(changed=(pattern("conf/"),), params=("rate", "layers.*"), approvals=1, by=("review",)),
        "high": LevelPolicy(changed=(pattern("train.py"),), params=("optimiser",), approvals=2, allowed=("alice",)),
    }
)
PROMPT, CONF, TRAIN = (File(path=name, touches=True) for name in ("prompts/a.txt", "conf/a.yml", "src/train.py"))
README, OTHER = File(path="README.md", touches=False), File(path="other.py", touches=True)


@pytest.mark.parametrize(
    ("facts", "level", "needed"),
    [
        (Facts(), "low", 0),
        (Facts(files=(PROMPT,)), "low", 0),
        (Facts(files=(PROMPT, README)), "low", 0),
        (Facts(files=(PROMPT, CONF)), "medium", 1),
        (Facts(files=(PROMPT, CONF, TRAIN)), "high", 2),
        (Facts(files=(OTHER,)), "high", 2),
        (Facts(params=("rate",)), "medium", 1),
        (Facts(params=("layers.first",)), "medium", 1),
        (Facts(params=("other",)), "low", 0),
        (Facts(params=("optimiser.name",)), "high", 2),
        (Facts(params=("architecture",)), "high", 2),
        (Facts(params=("base_model.name",)), "high", 2),
        (Facts(structure=("another",)), "high", 2),
        (Facts(unknown=("what",)), "high", 2),
        (Facts(verdict=Verdict.WARN), "low", 0),
        (Facts(verdict=Verdict.INCONCLUSIVE), "medium", 1),
        (Facts(files=(CONF,), verdict=Verdict.INCONCLUSIVE), "high", 2),
        (Facts(files=(TRAIN,), verdict=Verdict.INCONCLUSIVE), "high", 2),
        (Facts(waived=("compare:f1",)), "medium", 1),
        (Facts(verdict=Verdict.FAIL), "high", 2),
    ],
)
def test_the_level_is_the_highest_of_what_is_known(facts, level, needed):
    found = tier_of(POLICY, facts)
    assert (found.level, found.needed) == (level, needed)
    assert found.why


def test_what_nobody_names_is_of_the_level_that_policy_says():
    assert tier_of(replace(POLICY, otherwise="medium"), Facts(files=(OTHER,))).level == "medium"
    assert tier_of(replace(POLICY, otherwise="low"), Facts(files=(OTHER,))).level == "low"


def test_a_regulated_use_is_of_the_highest_level_whatever_changed():
    assert tier_of(replace(POLICY, regulated=True), Facts()).level == "high"


def test_who_and_how_are_those_of_the_level():
    assert tier_of(POLICY, Facts(files=(TRAIN,))).allowed == ("alice",)
    assert tier_of(POLICY, Facts(files=(CONF,))).by == ("review",)


def test_the_reasons_are_those_that_made_it_so():
    assert tier_of(POLICY, Facts(files=(PROMPT, TRAIN))).why == (
        "changed: src/train.py, which approval.high.changed names: high",
    )
    raised = tier_of(POLICY, Facts(files=(PROMPT,), waived=("compare:f1",))).why
    assert raised[-1] == "somebody waived compare:f1, which raises the level by one"
    many = Facts(files=tuple(File(path=f"src/{n}/train.py", touches=True) for n in range(5)))
    assert "and 2 more" in tier_of(POLICY, many).why[0]


@pytest.mark.parametrize("name", ["x\ny/train.py", "x\u202ey/train.py"])
def test_a_name_cannot_write_a_reason_of_its_own(name):
    (why,) = tier_of(POLICY, Facts(files=(File(path=name, touches=True),))).why
    assert why.isprintable()


FACTS = st.builds(
    Facts,
    files=st.lists(st.sampled_from([PROMPT, CONF, TRAIN, README, OTHER]), max_size=3).map(tuple),
    params=st.lists(st.sampled_from(["rate", "optimiser", "architecture", "other"]), max_size=3).map(tuple),
    structure=st.sampled_from([(), ("another",)]),
    verdict=st.sampled_from(Verdict),
    waived=st.sampled_from([(), ("compare:f1",)]),
    unknown=st.sampled_from([(), ("what",)]),
)


@given(FACTS, FACTS, st.sampled_from(LEVELS), st.booleans())
def test_more_facts_never_lower_the_level(one, other, otherwise, regulated):
    policy = replace(POLICY, otherwise=otherwise, regulated=regulated)
    both = Facts(
        files=one.files + other.files,
        params=one.params + other.params,
        structure=one.structure + other.structure,
        verdict=max(one.verdict, other.verdict, key=lambda verdict: verdict.rank),
        waived=one.waived + other.waived,
        unknown=one.unknown + other.unknown,
    )
    found = LEVELS.index(tier_of(policy, both).level)
    assert found >= max(LEVELS.index(tier_of(policy, each).level) for each in (one, other))


# Two models.


def model(**changes):
    return replace(PREDICATE, provenance=replace(PREDICATE.provenance, **changes))


def loaded(**versions):
    spelled = {name.replace("_", "-"): version for name, version in versions.items()}
    return replace(PREDICATE.provenance.environment, loaded=spelled, packages={"torch": "1.0"})


def test_the_same_model_differs_in_nothing():
    found = differences(PREDICATE, PREDICATE)
    assert (found.params, found.structure, found.unknown) == ((), (), ())


def test_parameters_are_compared_by_their_dotted_names():
    one = model(params={"a": 1, "deep": {"b": 2, "c": [1]}, "gone": None})
    other = model(params={"a": 1, "deep": {"b": 3, "c": [1]}, "new": None})
    assert differences(one, other).params == ("deep.b", "gone", "new")


def test_formats_frameworks_and_their_major_versions_are_what_a_model_is():
    assert "kept as onnx" in differences(replace(PREDICATE, format="onnx"), PREDICATE).structure[0]
    other = model(environment=loaded(xgboost="2.0"))
    one = model(environment=loaded(scikit_learn="1.5"))
    assert differences(one, other).structure == (
        "the model uses other frameworks than production: scikit-learn is new, xgboost is gone",
    )
    newer = model(environment=loaded(scikit_learn="2.0"))
    assert differences(newer, one).structure == (
        "scikit-learn has another major version than in production: 2 after 1",
    )
    assert differences(model(environment=loaded(scikit_learn="1.9")), one).structure == ()


def test_the_columns_of_the_training_data_are_compared_where_both_are_known():
    def data(columns, digest="d" * 64):
        return model(data=Data(path="t.csv", digest=digest, columns=columns))

    known = data({"a": "int64", "b": "string"})
    assert differences(data({"a": "double", "c": "string"}), known).structure == (
        "the columns of the training data changed: a, b, c",
    )
    assert differences(data({"b": "string", "a": "int64"}, "e" * 64), known).structure == ()
    assert differences(data({}), data({}, "e" * 64)).structure == ()
    older = data(None, "e" * 64)
    assert "does not name them" in differences(known, older).unknown[0]
    assert differences(older, older).unknown == ()
    assert differences(known, model(data=None)).structure == ("only one of the two models names its training data",)
