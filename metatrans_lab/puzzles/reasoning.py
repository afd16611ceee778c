"""How a puzzle is solved: hints, and for each question its words and rules, and which examples settle them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataset_script.families.grammar import ADJECTIVE, ARTICLE, PLURAL, VERB
from metatrans_lab.exact.learned import Fact, learned, with_examples
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.puzzles.making import Puzzle

NUDGES = {
    "particles": "Not every word of the language has one in English: ask what the others stand beside.",
    "articles": "Look for “the”: it need not stand where it does in English, and need not be there at all.",
    "affixes": "Compare a noun in the singular with one in the plural.",
    "verbs": "Who does it, what is done, and to whom: don't expect them in the order of English.",
    "adjectives": "Look on which side of its noun an adjective stands.",
    "operators": "Some English words have no word in the language: they say how others are said.",
    "order": "Every word has one translation; it is where they stand that differs.",
}
"""By phenomenon, what to look at first; the hardest first."""

NUM_PAIRS = 2
"""Pairs of examples that a hint has compared."""

ORDERS = {
    "reversed": "the sentence is said from its end",
    "last_first": "the last word is said first, the others as they stand",
    "first_last": "the first word is said last, the others as they stand",
    "pairs_swapped": "the first word changes places with the second, the third with the fourth",
    "ends_swapped": "the first word and the last change places",
}
ROLES = {"S": "the subject", "V": "the verb", "O": "the object"}
OPERATIONS = {
    "twice": "has the word before it said twice",
    "thrice": "has the word before it said three times",
    "straight": "isn't said, and what is around it stands as in English",
    "reversed": "isn't said, and what is around it changes places",
    "around": "has what is before it said once more behind what is after it",
}


@dataclass(frozen=True)
class Step:
    """A word or a rule that a question needs.

    Attributes:
        about: what it is about, in a word or two. says: it, as a clause. is_word: or is it a rule?
        examples: the numbers, from 0, of those that have it.
        settled_by: the number of the example with which it is settled, those before it being read; None: not known.
    """

    about: str
    says: str
    examples: tuple[int, ...]
    settled_by: int | None
    is_word: bool = False

    @property
    def text(self) -> str:
        """It as a sentence, with the examples counted from 1."""
        seen = f"see {listed([n + 1 for n in self.examples])}" if self.examples else ""
        settled = ""
        if self.settled_by is not None:
            last = self.settled_by + 1
            # Not every example that is needed has the word: others may rule out what else it could be.
            is_there = last == 1 or not self.examples or self.settled_by in self.examples
            settled = f"settled with example {last}" if is_there else f"settled by examples 1 to {last} together"
        why = "; ".join(filter(None, (seen, settled)))
        return f"{self.says[:1].upper()}{self.says[1:]}{f' ({why})' if why else ''}."


def listed(numbers: Sequence[int]) -> str:
    """'example 1', 'examples 1, 2 and 5'."""
    names = [*map(str, numbers)]
    text = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"example{'s' * (len(names) > 1)} {text}"


def last_settled(steps: Sequence[Step]) -> str:
    """What a question waits for: 'settled with example 4: “chimp”, the plural'; "" if it isn't known."""
    known = [step.settled_by for step in steps if step.settled_by is not None]
    if not known:
        return ""
    waited = dict.fromkeys(step.about for step in steps if step.settled_by == max(known))
    return f"settled with example {max(known) + 1}: {', '.join(waited)}"


def all_steps(steps: Sequence[Sequence[Step]]) -> list[Step]:
    """The words and rules of all questions, each once, words first; of the order of words the fullest."""
    found: dict[str, Step] = {}
    for step in itertools.chain.from_iterable(steps):
        if step.about not in found or len(step.says) > len(found[step.about].says):
            found[step.about] = step
    return sorted(found.values(), key=lambda step: not step.is_word)


def hints(puzzle: Puzzle) -> list[str]:
    """A first nudge, and which examples to compare."""
    nudge = next(NUDGES[name] for name in NUDGES if name in puzzle.language.phenomena)
    pairs = sorted(itertools.combinations(range(len(puzzle.sources)), 2), key=lambda pair: _unlike(puzzle, pair))
    compared: list[tuple[int, int, list[str]]] = []
    for one, other in pairs:
        if len(compared) < NUM_PAIRS and not {one, other} & {number for pair in compared for number in pair[:2]}:
            shared = [word for word in puzzle.sources[one] if word in puzzle.sources[other]]
            telling = [word for word in shared if not _is_small(puzzle, word)] or shared
            if telling:
                compared.append((one, other, telling))
    return [nudge, *(_compare(one, other, shared) for one, other, shared in compared)]


def _is_small(puzzle: Puzzle, word: str) -> bool:
    return puzzle.language.is_grammar and puzzle.language.invented.classes[word] in (ARTICLE, PLURAL)


def _unlike(puzzle: Puzzle, pair: tuple[int, int]) -> tuple[int, int]:
    """In how many words two examples differ; of as few, the longer ones first."""
    one, other = (set(puzzle.sources[number]) for number in pair)
    return len(one ^ other), -len(one & other)


def _compare(one: int, other: int, shared: Sequence[str]) -> str:
    words = [f"“{word}”" for word in dict.fromkeys(shared)]
    text = " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
    return f"Compare examples {one + 1} and {other + 1}: both have {text}."


def reasoning(puzzle: Puzzle) -> list[list[Step]]:
    """For each question the words and the rules that it needs, and what settles them."""
    translator = ExactTranslator(puzzle.examples)
    belief = translator.understanding.belief
    facts = with_examples(learned(belief), belief, translator.sides.examples)
    by_name = {(fact.kind, fact.of): fact for fact in facts}
    return [[*_words(puzzle, sentence, by_name), *_rules(puzzle, sentence, by_name)] for sentence in puzzle.asked]


Facts = Mapping[tuple[str, str], Fact]


def _words(puzzle: Puzzle, sentence: Sequence[str], facts: Facts) -> list[Step]:
    language, steps = puzzle.language, []
    setting, classes = language.invented.setting, language.invented.classes
    for word in dict.fromkeys(sentence):
        is_grammar = language.is_grammar
        is_dropped = is_grammar and classes[word] == ARTICLE and setting["article"] == "dropped"
        seen = tuple(number for number, source in enumerate(puzzle.sources) if word in source)
        if not is_grammar and classes[word]:
            says = f"“{word}” {OPERATIONS[setting[f'operator_{classes[word]}']]}"
            fact = facts.get(("switch", f"repetition: operator_{classes[word]}"))
        elif is_dropped:
            says, fact = f"“{word}” isn't said", facts.get(("switch", "grammar: article"))
        elif is_grammar and classes[word] == PLURAL:
            place = {"prefix": "before", "suffix": "at the end of"}[setting["plural"]]
            says, fact = f"the plural is “{_affix(puzzle)}”, {place} its noun", facts.get(("word", word))
        else:
            says, fact = f"“{word}” is “{language.invented.lexicon[word]}”", facts.get(("word", word))
        about = "the plural" if is_grammar and classes[word] == PLURAL else f"“{word}”"
        steps.append(Step(about, says, seen, None if fact is None else fact.settled_by, is_word=True))
    return steps


def _affix(puzzle: Puzzle) -> str:
    letters, setting = puzzle.language.invented.lexicon["s"], puzzle.language.invented.setting
    return f"{letters}-" if setting["plural"] == "prefix" else f"-{letters}"


def _rules(puzzle: Puzzle, sentence: Sequence[str], facts: Facts) -> list[Step]:
    language = puzzle.language
    setting = language.invented.setting

    def step(about: str, says: str, switch: str, examples: Sequence[int] = ()) -> Step:
        fact = facts.get(("switch", switch))
        value = setting.get(switch.partition(": ")[2])
        is_known = fact is not None and fact.values[0][0] == value
        return Step(about, says, tuple(examples), fact.settled_by if fact is not None and is_known else None)

    if language.phenomena[0] == "order":
        return [step("the order", ORDERS[setting["order"]], "order: order")]
    if not language.is_grammar:
        return []
    form = [language.invented.classes[word] for word in sentence]
    found = []
    if ADJECTIVE in form:
        where = setting["adjective"]
        says = f"an adjective stands {where} its noun"
        found.append(step("the adjective", says, "grammar: adjective", _having(puzzle, ADJECTIVE)))
    if ARTICLE in form and setting["article"] != "dropped":
        says = f"the article stands {setting['article']} its noun phrase"
        found.append(step("the article", says, "grammar: article"))
    items = language.invented.config.plan(tuple(form), setting)
    first = language.invented.config.num_source_words
    for unit, role, switch in ((first, "subject", "subject_particle"), (first + 1, "object", "object_particle")):
        if any(item.unit == unit for item in items):
            fact = facts.get(("particle", role))
            says = f"“{language.invented.lexicon[unit]}” stands {setting[switch]} the {role}"
            found.append(
                Step(
                    f"a particle of the {role}", says, _saying(puzzle, unit), None if fact is None else fact.settled_by
                )
            )
    if VERB in form:
        has_thing = len(form) > form.index(VERB) + 1
        parts = [ROLES[part] for part in setting["order"] if part != "O" or has_thing]
        found.append(step("the order", ", then ".join(parts), "grammar: order"))
    return found


def _having(puzzle: Puzzle, of_class: int) -> list[int]:
    classes = puzzle.language.invented.classes
    return [n for n, source in enumerate(puzzle.sources) if any(classes[word] == of_class for word in source)]


def _saying(puzzle: Puzzle, unit: int) -> tuple[int, ...]:
    """The examples whose translation has a particle."""
    particle = puzzle.language.invented.lexicon[unit]
    return tuple(number for number, (_, target) in enumerate(puzzle.examples) if particle in target.split())
