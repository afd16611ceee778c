import pytest

from modeling_metalstm import TranslationError
from modeling_metalstm.spelling_metalstm import Spelling


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red, BLUE red.", ("Red", "BLUE", "red")),
        ("«red» “blue” ‘red’!? ¿blue?", ("red", "blue", "red", "blue")),
        ("don't can't", ("don't", "can't")),
        ("! ? ...", ("!", "?", "...")),
        ("🙂 👨‍👩‍👧 +1", ("🙂", "👨‍👩‍👧", "+1")),
        ("-red- (blue)", ("red", "blue")),
        ("Qapla' 'ono !xa *kwon", ("Qapla'", "'ono", "!xa", "*kwon")),
        ("'red' ’blue’, ‘a’.", ("red", "blue", "a")),
        ("#cat @dog 100%", ("#cat", "@dog", "100%")),
        ("赤。 青！", ("赤", "青")),
    ],
)
def test_words_are_without_the_punctuation_around_them(text, words):
    assert Spelling().split_sentence(text) == words
    assert Spelling(exact=True).split(text) == tuple(text.split())


def test_emoji_are_words_of_their_own():
    for spelling in (Spelling(), Spelling(exact=True)):
        assert spelling.key("👨‍👩‍👧") != spelling.key("👨")


@pytest.mark.parametrize(
    ("separator", "text", "words", "joined"),
    [
        (",", "dark red,blue , ,", ("dark red", "blue"), "a,b"),
        (", ", "dark  red,blue", ("dark red", "blue"), "a, b"),
        (" - ", "red - blue", ("red", "blue"), "a - b"),
        ("\t", "red one\tblue", ("red one", "blue"), "a\tb"),
    ],
)
def test_another_separator(separator, text, words, joined):
    spelling = Spelling(separator=separator)
    assert spelling.split(text) == words and spelling.join(("a", "b")) == joined


def test_letters_are_words_where_nothing_separates_them():
    spelling = Spelling(separator="")
    assert spelling.split("neko ha") == ("n", "e", "k", "o", "h", "a") and spelling.join("neko") == "neko"
    assert spelling.split("e\u0301👨‍👩‍👧✌️") == ("e\u0301", "👨‍👩‍👧", "✌️")


def test_apostrophes_are_the_same_word_however_they_are_written():
    assert Spelling().key("Qapla’") == Spelling().key("qapla'")
    assert Spelling(exact=True).key("Qapla’") != Spelling(exact=True).key("Qapla'")


def test_what_a_spelling_can_t_be():
    with pytest.raises(TranslationError, match="The `separator` must be a text such as ', ', '' for words of one let"):
        Spelling(separator=3)
    with pytest.raises(TranslationError, match="`exact` must be True or False, not 1"):
        Spelling(exact=1)


def test_endless_sentences_are_refused_at_once():
    with pytest.raises(TranslationError, match="The sentence has 1,000,000 characters; at most 100,000 are allowed"):
        Spelling().split_sentence("x" * 1_000_000)


def test_words_are_split_at_any_white_space():
    assert Spelling().split_sentence("\tblue \n red\u00a0") == ("blue", "red")
