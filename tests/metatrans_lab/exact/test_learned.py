import pytest

from metatrans_lab.exact.learned import learned, with_examples
from metatrans_lab.exact.posterior import Example
from metatrans_lab.exact.readings import understand

RULES = [
    ("the cat sees the dog", "neko o inu miru"),
    ("the dog sees the cat", "inu o neko miru"),
    ("cat", "neko"),
]
EXAMPLES = [Example(tuple(source.split()), tuple(target.split())) for source, target in RULES]


def test_facts_are_marginals_of_the_belief():
    belief = understand(EXAMPLES).belief
    facts = {(fact.kind, fact.of): fact for fact in learned(belief)}
    assert facts["family", ""].values == (("grammar", pytest.approx(1)),)
    assert facts["word", "cat"].values == (("neko", pytest.approx(1)),)
    assert facts["class", "sees"].values[0] == ("verb", pytest.approx(1))
    assert facts["switch", "grammar: article"].values == (("dropped", pytest.approx(1)),)
    for (kind, _), fact in facts.items():
        total = sum(probability for _, probability in fact.values)
        assert total == pytest.approx(1) or (kind == "particle" and total < 1)
    # "neko o inu miru" is: cat, a particle, dog, see; or: cat, see, dog, a particle.
    assert {value for value, _ in facts["switch", "grammar: order"].values} == {"SOV", "SVO"}
    assert {value for value, _ in facts["word", "sees"].values} == {"miru", "o"}
    assert [fact.of for fact in learned(belief) if fact.kind == "word"][:3] == ["cat", "the", "sees"]
    assert facts["word", "the"].values == (("", pytest.approx(1)),)


def test_the_example_that_settled_a_fact_is_the_first_after_which_it_stays_sure():
    belief = understand(EXAMPLES).belief
    facts = {(fact.kind, fact.of): fact for fact in with_examples(learned(belief), belief, EXAMPLES)}
    assert facts["word", "cat"].settled_by == 2 and facts["word", "the"].settled_by == 0
    assert facts["switch", "grammar: order"].settled_by is None
