"""Which reading explains examples, and which of them can't be right."""

import pytest

from metatrans_lab.exact import readings
from metatrans_lab.exact.posterior import Example, in_good_order
from metatrans_lab.exact.readings import READINGS, ConflictError, posterior_of, understand

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
