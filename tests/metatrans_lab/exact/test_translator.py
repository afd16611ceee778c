"""What people write, from the issue's own list and beyond: the answer, or that it is open."""

import pytest

from metatrans_lab.exact.translator import ExactTranslator
from modeling_metalstm import TranslationError


def rules(*lines: str) -> list[tuple[str, str]]:
    return [tuple(line.split(" = ")) for line in lines]  # type: ignore[misc]


@pytest.mark.parametrize(
    "lines, sentence, text",
    [
        (["red = dax", "blue = wif", "red blue = dax wif", "blue blue red = wif wif dax"], "blue red", "wif dax"),
        (["blue house = casa azul", "red car = coche rojo", "blue car = coche azul"], "red house", "casa rojo"),
        (["I see you = mi vin vidas", "you see I = vin mi vidas", "I = mi"], "you see you", "vin vin vidas"),
        (
            ["the cat sees the dog = neko inu o miru", "the dog sleeps = inu neru", "dog = inu", "cat = neko"],
            "the dog sees the cat",
            "inu neko o miru",
        ),
        (["cat = neko", "cats = nekora", "dog = inu", "dogs = inura", "bird = tori"], "bird", "tori"),
        (["success = Qapla'", "dog = *kwon"], "Success!", "Qapla'"),
        (["success = Qapla'", "dog = *kwon"], "dog", "*kwon"),
        (["red:adjective house = casa roja", "the house = la casa"], "the red house", "la casa roja"),
        (["cat = Neko", "the cat = la neko"], "cat", "neko"),
    ],
)
def test_what_the_examples_settle(lines, sentence, text):
    translation = ExactTranslator(rules(*lines))(sentence)
    assert translation.text == text and translation.is_settled and translation.ask is None


@pytest.mark.parametrize(
    "lines, sentence, possible",
    [
        (["blue house = casa azul", "red car = coche rojo"], "red house", {"casa rojo", "coche azul"}),
        (["red house = dom krasno", "blue cat = kot sino"], "blue house", {"kot krasno", "dom sino"}),
        (["I do not know = mi ne sava pas"], "I know", {"mi sava", "mi pas"}),
        (["red = dax", "blue = wif"], "red blue", {"dax wif", "wif dax"}),
    ],
)
def test_what_they_leave_open_is_said_with_its_odds(lines, sentence, possible):
    translation = ExactTranslator(rules(*lines))(sentence)
    odds = {translation.text: translation.probability, **dict(translation.others)}
    assert not translation.is_settled and possible <= set(odds) and 0.9 < sum(odds.values()) <= 1 + 1e-9
    assert translation.probability == max(odds.values())


@pytest.mark.parametrize(
    "lines, sentence, text",
    [
        (
            ["one two = uno-na due-na", "two three = due-na tri-na", "four one = fir-na uno-na"],
            "three one four two",
            "tri-na uno-na fir-na due-na",
        ),
        (["apple = pom do", "big apple = granda pom do"], "big", "granda"),
        (
            ["The cat-s see the dog = Neko-ra inu miru", "the cat sees a dog = neko inu miru", "dog = inu"],
            "A dog see the cat-s.",
            "inu neko-ra miru",
        ),
        (["do you sleep = vi dormas", "I sleep = mi dormas", "do I run = mi kuras"], "do you run", "vi kuras"),
    ],
)
def test_words_of_several_alike_or_not_said(lines, sentence, text):
    translation = ExactTranslator(rules(*lines))(sentence)
    assert translation.text == text and translation.probability > 0.5


@pytest.mark.parametrize("lines, word", [(["ono = six"], "'ono"), (["xa = stone"], "!xa")])
def test_a_word_that_no_example_has_is_not_known(lines, word):
    translation = ExactTranslator(rules(*lines))(word)
    assert translation.text == "?" and translation.unknown == (word,) and not translation.is_settled


def test_the_sentence_to_ask_for_decides():
    lines = ["blue house = casa azul", "red car = coche rojo"]
    assert ExactTranslator(rules(*lines))("red house").ask == "red"
    for red, translation in (("coche", "coche azul"), ("rojo", "casa rojo")):
        settled = ExactTranslator([*rules(*lines), ("red", red)])("red house")
        assert settled.text == translation and settled.probability > 0.9
    assert ExactTranslator(rules("cat = miro", "dog cat = bulo miro"))("cat fish dog").ask == "fish"


def test_words_divide_where_that_makes_the_examples_more_probable():
    translator = ExactTranslator(rules("cat = neko", "cats = nekora", "dog = inu", "dogs = inura", "bird = tori"))
    assert translator("birds").text == "torira"
    assert ExactTranslator(translator.rules, exact=True)("birds").unknown == ("birds",)
    assert ExactTranslator(rules("cat = neko", "cat-s = neko-ra", "dog = inu"))("dog-s").text == "inu-ra"
    one_side = ExactTranslator(rules("cat = neko", "cats = neko-ra", "dog = inu"))
    assert one_side("dogs").text == one_side("dog-s").text == "inu-ra"


def test_scripts_without_blanks():
    spoken = ExactTranslator(rules("red = ab", "blue = cd", "red blue = abcd"), separator="")
    assert spoken("blue red").text == "cdab"
    cipher = ExactTranslator(rules("hello = ifmmp", "cat = dbu", "lace = mbdf"), separator="")
    assert cipher("hat").text == "ibu"


def test_a_mistake_and_a_change_of_rules_are_told_apart():
    words = rules("red = dax", "blue = wif", "red blue = dax wif", "blue red = wif dox", "blue blue = wif wif")
    assert ExactTranslator(words).understanding.left_out == (3,)
    changed = rules("red = dax", "blue = wif", "red blue = dax wif", "red = kip", "blue = lug", "blue red = lug kip")
    assert ExactTranslator(changed).understanding.changed == 3
    assert ExactTranslator(changed)("red").text == "kip"


def test_examples_that_can_t_all_be_right_are_named():
    lines = rules("green = lug", "red = dax", "blue = pim", "red = wif")
    with pytest.raises(TranslationError, match=r"Examples 2 and 4 disagree: .*“red = dax” and “red = wif”") as error:
        ExactTranslator(lines)("red")
    assert "lug" not in str(error.value)
    with pytest.raises(TranslationError, match="There are no examples"):
        ExactTranslator([])


def test_a_sentence_of_no_form_is_translated_word_by_word_and_never_surely():
    lines = rules("the cat sees the dog = neko inu miru", "the dog sees the cat = inu neko miru", "cat = neko")
    translation = ExactTranslator(lines)("cat dog cat dog sees")
    assert translation.probability == 0 and not translation.is_settled
    assert translation.text.split()[0] == "neko"


def test_backwards_a_dropped_article_may_have_been_there():
    lines = rules("the cat sees the dog = neko inu o miru", "the dog sleeps = inu neru", "dog = inu", "cat = neko")
    translator = ExactTranslator(lines)
    back = translator.back("inu neko o miru")
    odds = {back.text: back.probability, **dict(back.others)}
    articles = {f"{one}dog sees {other}cat" for one in ("", "the ") for other in ("", "the ")}
    assert set(odds) >= articles and sum(odds.values()) == pytest.approx(1) and not back.is_settled
    assert sum(odds[text] for text in articles) > 0.9
    assert odds["the dog sees the cat"] > 3 * odds["dog sees cat"]  # as in the examples
    for sentence in odds:
        assert translator(sentence).text == "inu neko o miru"
    assert translator.back("tori neru").unknown == ("tori",)
    nothing = translator.back("o o o o")
    assert nothing.probability == 0 and nothing.text == "? ? ? ?"


def test_backwards_where_every_word_has_one():
    translator = ExactTranslator(rules("red = dax", "blue = wif", "green red = lug dax", "red blue red = dax wif dax"))
    assert translator.back("wif lug").text == "blue green" and translator.back("wif lug").is_settled


def test_it_is_said_how_the_examples_are_read():
    assert ExactTranslator(rules("red = dax", "blue red = wif dax")).read_as == ""
    assert "two words may be the same" in ExactTranslator(rules("sees = miru", "see = miru")).read_as
    divided = ExactTranslator(rules("cat = neko", "cats = nekora", "dog = inu", "dogs = inura"))
    assert divided.read_as == "words are divided at -s; translations are divided at -ra"


def test_what_was_not_all_weighed_is_never_certain():
    """Fourteen sentences of two words each may be of too many classes; what they hide isn't lost for what comes."""
    letters = "abcdefghijklmn"
    lines = [f"noun{c} verb{c} = k{c} r{c}" for c in letters]
    assert ExactTranslator(rules(*lines))("nouna verbb").is_exact is False
    late = ["nounx verbx nouny = kx ky rx", "nounx = kx", "nouny = ky"]  # the verb comes last, as only now shows
    translator = ExactTranslator(rules(*lines, *late))
    translation = translator("nound verbc nounb")
    assert not translator.understanding.left_out and translation.text == "kd kb rc"
    assert not translation.is_settled and not translation.is_exact


def test_a_question_mark_of_one_s_own_is_a_word():
    translator = ExactTranslator(rules("? = red ?", "what = ?!"))
    assert translator("?").text == "red ?" and translator("what").is_settled


def test_a_question_that_none_of_the_likeliest_languages_has():
    translation = ExactTranslator(rules("red green blue the = red blue green the cat"))("red blue")
    assert not translation.is_settled and translation.text


CASES = """
the dog sleeps = gor hul
the cat sleeps = misu hul
the dog sees the cat = gor misuam lare
the bird sees the dog = pela goram lare
the woman loves the bird = tava pelaam amik
the king sees the fish = domir sanuam lare
the big dog sleeps = gor bardo hul
the dog sees the big cat = gor misuam bardo lare
the small bird eats the fish = pela tik sanuam nump
the dogs sleep = mogor hul
the cats see the bird = momisu pelaam lare
the woman sees the birds = tava mopelaam lare
the dog does not sleep = gor ne hul
does the cat sleep? = misu hul ka
"""
"""A language with cases, as somebody wrote it: its endings undivided, one noun never without one."""


@pytest.mark.parametrize("number", [12, 14])
@pytest.mark.parametrize(
    "question, truth",
    [
        ("the bird sleeps", "pela hul"),
        ("the king sees the woman", "domir tavaam lare"),
        ("the big cat sees the small dog", "misu bardo goram tik lare"),
        ("the birds sleep", "mopela hul"),
        ("the dogs see the cats", "mogor momisuam lare"),
        ("a bird sleeps", "? pela hul"),
    ],
)
def test_a_language_with_cases(number, question, truth):
    """Where lines are beyond all languages that are known here they are left out, and nothing is called certain."""
    lines = rules(*CASES.strip().splitlines()[:number])
    translator = ExactTranslator(lines)
    said = translator(question)
    assert said.left_out == ((12, 13) if number == 14 else ())
    if "?" in truth:
        assert not said.is_settled and said.unknown == ("a",)
    else:
        assert said.text == truth and said.is_settled == (number == 12)


def test_a_verb_is_marked_the_other_way_round_only_if_an_example_marks_one():
    rules = [
        ("the small spider fell", "la mi keti lisi hoto"),
        ("the small bird-s fell", "la mi hama-ki lisi hoto"),
        ("the frog-s called the panda-s", "la mi toso-ki tane mi pahi-ki ka"),
        ("the panda heard the small monk-s", "la mi pahi mona mi nime-ki lisi ka"),
    ]
    said = ExactTranslator(rules).back("la mi pahi-ki lisi tane mi toso ka")
    assert said.is_settled and said.text == "the small panda-s called the frog"
    marked = [
        ("the dog sleep-s", "mo inu neru"),
        ("the cat-s sleep", "mo neko-ra neru"),
        ("the cat sleep-s", "mo neko neru"),
    ]
    said = ExactTranslator(marked).back("mo inu neru")
    assert "the dog sleep-s" in {said.text, *(text for text, _ in said.others)}


def test_an_answer_with_a_word_that_no_example_has_is_never_certain():
    """Here it can only be a mark of the plural, which this language doesn't say."""
    translator = ExactTranslator([("red the red blue", "red red blue")])
    answer = translator("red green the")
    assert answer.unknown == ("green",) and answer.probability == pytest.approx(1)
    assert not answer.is_complete and not answer.is_settled
    assert translator("red blue the").is_settled


def test_an_ending_stays_on_its_word_where_others_of_its_words_stand_free():
    """Seen on two words, each of which has as many things after it."""
    rules = [
        ("cat-s", "mura-li"),
        ("the cat sees the dog", "vok-no mura tem"),
        ("the dog sees the bird", "pila-no vok tem"),
        ("the bird sings", "pila zur"),
    ]
    translator = ExactTranslator(rules)
    assert translator("the dog sees the cat").text == "mura-no vok tem"
    assert translator("the bird-s sees the cat-s").text == "mura-li-no pila-li tem"
