import pytest

from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.puzzles.reasoning import Step, all_steps, hints, last_settled, listed, reasoning

WISHES = [(1, "7"), (1, "1", ("order",), 4), (1, "1", ("operators",), 4), (2, "7"), (3, "7"), (3, "8")]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_every_word_of_a_question_is_explained(made, wish):
    puzzle = made(*wish)
    for question, sentence, steps in zip(puzzle.questions, puzzle.asked, reasoning(puzzle), strict=True):
        assert len([step for step in steps if step.is_word]) == len(set(sentence))
        for step in steps:
            assert all(
                step.about.strip("“”") in puzzle.sources[number] for number in step.examples if "“" in step.about
            )
            assert step.text.endswith(".") and "None" not in step.text
            assert step.settled_by is None or 0 <= step.settled_by < len(puzzle.examples)
        said = {word for step in steps for word in step.says.replace("”", "“").split("“")[1::2]}
        foreign = question.answer if question.direction == "into" else question.text
        assert set(foreign.replace("-", " ").split()) <= {word.strip("-") for word in said}


def test_a_word_is_settled_by_the_example_that_is_named(made):
    puzzle = made(2)
    for steps in reasoning(puzzle):
        for step in steps:
            if not step.is_word or step.settled_by is None or step.about == "“the”":
                continue
            word, target = (text for text in step.says.replace("”", "“").split("“")[1::2])
            for last in (step.settled_by, step.settled_by - 1):
                if last >= 0:
                    belief = ExactTranslator(puzzle.examples[: last + 1]).understanding.belief
                    sure = sum(w for w, _, h in belief.weighted() if h.lexicon.get(word) == (target,))
                    assert (sure >= 0.99) == (last == step.settled_by)


def test_hints_compare_examples_and_give_nothing_away(made):
    for wish in WISHES:
        puzzle = made(*wish)
        first, *others = hints(puzzle)
        assert "Compare examples" not in first and others
        foreign = {word for _, target in puzzle.examples for word in target.split()}
        for hint in (first, *others):
            assert not foreign & set(hint.replace("“", " ").replace("”", " ").split())


def test_the_key_says_each_thing_once(made):
    why = reasoning(made(3))
    once = all_steps(why)
    assert len({step.about for step in once}) == len(once)
    assert {step.about for step in once} == {step.about for steps in why for step in steps}
    assert all(last_settled(steps).startswith("settled with example ") for steps in why) and last_settled([]) == ""


def test_examples_that_settle_a_word_without_having_it_are_named_together():
    def said(examples, settled_by):
        return Step("“cat”", "“cat” is “neko”", examples, settled_by).text

    assert said((0, 2), 2) == "“cat” is “neko” (see examples 1 and 3; settled with example 3)."
    assert said((0, 1), 2) == "“cat” is “neko” (see examples 1 and 2; settled by examples 1 to 3 together)."
    assert said((1,), 0) == "“cat” is “neko” (see example 2; settled with example 1)."
    assert said((), 1) == "“cat” is “neko” (settled with example 2)."
    assert said((1,), None) == "“cat” is “neko” (see example 2)."


def test_examples_are_listed():
    assert [listed([1]), listed([1, 2]), listed([1, 2, 5])] == ["example 1", "examples 1 and 2", "examples 1, 2 and 5"]
