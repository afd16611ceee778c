"""Which reading explains examples, and which of them can't be right."""

import pytest

from metatrans_lab.exact import readings
from metatrans_lab.exact.posterior import Example, costs_to_come, evidence_at_most, in_good_order
from metatrans_lab.exact.readings import READINGS, ConflictError, components, posterior_of, understand

PHRASES = (
    "cat = ba bo",
    "dog = di",
    "bird = fu",
    "cat dog = ba bo di",
    "dog bird = di fu",
    "bird cat = fu ba bo",
    "bird dog cat = fu di ba bo",
)


def examples_of(*texts: str) -> list[Example]:
    pairs = [text.split(" = ") for text in texts]
    return [Example(tuple(source.split()), tuple(target.split())) for source, target in pairs]


def test_a_word_may_be_a_phrase():
    understanding = understand(examples_of(*PHRASES))
    assert understanding.reading.longest > 1 and not understanding.left_out


@pytest.mark.parametrize("number", [4, 6])
def test_a_line_that_fits_no_language_of_the_other_readings_is_left_out(number):
    texts = list(PHRASES)
    texts[number] = texts[number].replace("di", "wo wo wo wo wo")
    understanding = understand(examples_of(*texts))
    assert understanding.left_out == (number,) and understanding.reading.longest > 1


def test_two_such_lines_are_a_conflict_with_those_before():
    texts = list(PHRASES)
    for number in (4, 6):
        texts[number] = texts[number].replace("di", "wo wo wo wo wo")
    with pytest.raises(ConflictError) as conflict:
        understand(examples_of(*texts))
    assert conflict.value.numbers == (4,) and not conflict.value.is_alone


def test_what_was_learned_before_changes_nothing(monkeypatch):
    """However much of it is kept, or forgotten."""
    examples = in_good_order(examples_of("a b c = x y z", "b a = y x", "c = z", "a c = x z"))
    monkeypatch.setattr(readings, "_STEPS", readings._Steps(most=0))
    alone = posterior_of(READINGS[0], examples, {})
    monkeypatch.setattr(readings, "_STEPS", readings._Steps(most=100_000))
    for number in range(len(examples)):
        posterior_of(READINGS[0], examples[:number], {})
    together = posterior_of(READINGS[0], examples, {})
    assert together is posterior_of(READINGS[0], examples, {})
    assert [h.lexicon for h in together.hypotheses] == [h.lexicon for h in alone.hypotheses]
    assert together.weights == alone.weights and together.examples == alone.examples == tuple(examples)


LINES = (
    "the cats saw the dog = neku mi so inu",
    "the dog fell = inu ta",
    "the cat saw a big dog = neko mi o inu so",
    *PHRASES,
)


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.says)
@pytest.mark.parametrize("texts", [LINES[:3], PHRASES[:5], ("red house = casa roja", "house = casa", "red = roja")])
def test_what_is_to_come_costs_no_more_than_it_does(reading, texts, monkeypatch):
    examples = in_good_order(examples_of(*texts))
    to_come = costs_to_come(posterior_of(reading, (), {}), examples)
    after = [posterior_of(reading, examples[: number + 1], {}, most=500) for number in range(len(examples))]
    in_the_end = after[-1].evidence
    at_most = [evidence_at_most(one, costs) for one, costs in zip(after, to_come, strict=True)]
    assert all(bound >= in_the_end - 1e-9 for bound in at_most) and at_most[-1] == in_the_end
    assert len(to_come[0]) == len(components()) and to_come[-1] == [0.0] * len(components())
    if after[-1].hypotheses:
        assert any(bound < one.evidence - 1 for bound, one in zip(at_most, after, strict=True))
        monkeypatch.setattr(readings, "_STEPS", readings._Steps(most=100_000))
        assert posterior_of(reading, examples, {}, 500, least=in_the_end).evidence == in_the_end
        assert not posterior_of(reading, examples, {}, 500, least=in_the_end + 0.01).hypotheses
