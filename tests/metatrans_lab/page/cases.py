"""What the page's scripts and Python are asked alike."""

import random
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from metatrans_lab.apps.files import read_expected
from metatrans_lab.exact.invented import PHENOMENA, invent

from ...rule_texts import TWO_RULES

LANGUAGES = Path(__file__).parents[2] / "languages"
GALLERY = sorted((Path(__file__).parents[3] / "examples" / "gallery").glob("*.txt"))


def language(rules, sentences, texts=(), **settings) -> dict:
    """Questions about a language: sentences in one direction, texts in the other."""
    return {"kind": "language", "rules": [*map(list, rules)], "sentences": [*sentences], "texts": [*texts], **settings}


def of_gallery(path: Path) -> dict:
    """A language as people write it, with all its questions and rules in both directions."""
    rules, questions = read_expected(str(path))
    options = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# options:")]
    separator = "" if any("--separator" in shlex.split(line) for line in options) else None
    asked = [rule[:2] for rule in (*questions, *rules)]
    return language(
        [rule[:2] for rule in rules], [one for one, _ in asked], [one for _, one in asked], separator=separator
    )


def invented(number: int) -> dict:
    """A made-up language of each phenomenon in turn, its hyphens kept and removed by turns; with three questions."""
    rng = random.Random(f"page {number}")
    made = invent(rng, PHENOMENA[number % len(PHENOMENA)])
    sentences = [made.sentence(rng) for _ in range(rng.randint(4, 9))]
    seen = sorted({word for sentence in sentences for word in sentence})
    asked = [made.sentence(rng, seen), made.sentence(rng, seen), made.sentence(rng)]
    is_plain = number // len(PHENOMENA) % 2 == 1

    def written(text: str) -> str:
        return text.replace("-", "") if is_plain else text

    return language(
        [(written(made.write(sentence)), written(made.translate(sentence))) for sentence in sentences],
        [written(made.write(sentence)) for sentence in asked],
        [written(made.translate(asked[0]))],
    )


def _rules(text: str) -> list[tuple[str, str]]:
    return [(source, target) for source, target in (line.split(" = ") for line in text.strip().splitlines())]


COLOURS = "red = dax\nblue red = wif dax\ngreen = lug"


def ending(name: str) -> str:
    """A language whose endings nothing divides, of tests/languages."""
    return (LANGUAGES / f"{name}.txt").read_text(encoding="utf-8")


ENDINGS = ending("endings")
BY_NOUN = re.sub(r"\b(Mel|Pel|mel|pel)(o|ek)\b", lambda word: word[1] + {"o": "a", "ek": "is"}[word[2]], ENDINGS)
BY_NOUN_AT_ONCE = re.sub(
    r"\b(Grav|Hann|grav|hann)(o|ek)\b", lambda word: word[1] + {"o": "a", "ek": "is"}[word[2]], ENDINGS
)
"""The same where two nouns have other endings, in the third example first, and in the first."""


def odd() -> Iterator[dict]:
    """What people write that is broken, mistaken, in other scripts, or beyond all that is known here."""
    yield language([], ["red"])
    yield language(_rules("red = dax\nred = wif"), ["red"])
    yield language(_rules("green = lug\nred = dax\nblue = pim\nred = wif"), ["red"])
    yield language(_rules("cat = neko\ncat = inu\ndog = tori"), ["cat"])
    objects = "cat-s = mura-li\nthe cat sees the dog = vok-no mura tem\nthe dog sees the bird = pila-no vok tem"
    questions = ["the dog sees the cat", "the bird-s sees the cat-s"]
    yield language(_rules(f"{objects}\nthe bird sings = pila zur"), questions)
    yield language(_rules("red the red blue = red red blue"), ["red green the", "red blue the"], ["red blue"])
    questions = ["", "   ", "blue", "BLUE red!", "dax", "dax wif", "yellow", "red yellow red", "'red'", "re\u200bd"]
    yield language(_rules(COLOURS), questions, ["", "dax", "red", "wif lug", "zup", "dax dax dax", "?"])
    yield language(_rules(COLOURS), ["red", "Red", "red!"], ["dax"], exact=True)
    yield language([("red, blue", "dax, wif"), ("blue", "wif")], ["red", "blue, red"], separator=",")
    yield language([("red", "dax")], [" ".join(["red"] * 1001), "x" * 100_001, " ".join(["red"] * 30)])
    yield language([("red", "   ")], ["red"])
    yield language([("red", "dax")], ["red"], separator=3)
    yield language([("red", "dax")], ["red"], exact="yes")
    # A mistake, a change of rules, and examples that are beyond all languages here.
    mistake = "red = dax\nblue = wif\nred blue = dax wif\nblue red = wif dox\nblue blue = wif wif"
    yield language(_rules(mistake), ["red blue", "blue red", "blue red red"], ["wif dax"])
    changed = "red = dax\nblue = wif\nred blue = dax wif\nred = kip\nblue = lug\nblue red = lug kip"
    yield language(_rules(changed), ["red", "red blue"], ["kip", "dax"])
    beyond = "ab cd = x y z\nab = y\ncd = x z\nab ab = q\ncd cd = r s t u v\nab cd ab = q q"
    yield language(_rules(beyond), ["ab", "cd"])
    # Words that are alike, of several words, not said; classes that are said; capitals; apostrophes.
    yield language(_rules("sees = miru\nsee = miru"), ["sees see"], ["miru"])
    yield language(_rules("apple = pom do\nbig apple = granda pom do"), ["big", "apple", "big big apple"], ["pom do"])
    yield language(_rules("do you sleep = vi dormas\nI sleep = mi dormas\ndo I run = mi kuras"), ["do you run"])
    yield language(_rules("red:adjective house = casa roja\nthe house = la casa"), ["the red house"], ["la casa"])
    yield language(_rules("red:Verb house:NOUN = casa roja\na:b c:noun = x y"), ["red house", "a:b"])
    capitals = "Kitten sleeps = Neko neru\nThe dog sees the kitten = Inu neko o miru\nDog = Inu"
    yield language(_rules(capitals), ["the kitten sees the dog", "dog"], ["Inu neko o miru"])
    yield language(_rules("success = Qapla'\ndog = *kwon"), ["Success!", "dog"], ["Qapla’", "*kwon"])
    yield language(_rules("? = red ?\nwhat = ?!"), ["?", "what"])
    # Affixes that nothing divides, on one side, on both, by turns.
    affixes = "cat = neko\ncats = nekora\ndog = inu\ndogs = inura\nbird = tori"
    yield language(_rules(affixes), ["birds", "bird", "cats dog"], ["torira"])
    yield language(_rules("cat = neko\ncats = neko-ra\ndog = inu"), ["dogs", "dog-s"], ["inu-ra"])
    yield language(_rules("I go = belos\nyou go = belem\nI see = tumos\nyou see = tumem"), ["I see", "you go"])
    for rules in (ENDINGS, BY_NOUN, BY_NOUN_AT_ONCE, ending("foreign-first"), ending("plural-and-case")):
        backs = ["gravek", "The small dog chased the girl."]
        yield language(_rules(rules), ["the old wolf", "Sipas allquta rikurqan."], backs)
    yield language(_rules("Straße = ŝtrato\nSTRASSE alt = ŝtrato x\nÉTÉ = y"), ["strasse", "été"], ["ŜTRATO"])
    yield language(_rules("Σίσυφος = a b\nσίσυφοσ καὶ = a b c"), ["ΚΑὶ", "Σίσυφος καὶ"])
    # Other scripts: with and without blanks, beyond the first plane, with marks; in emoji of several characters.
    yield language(_rules("🐱 🐶 = 𐐀𐐁 𐐂\n🐶 = 𐐂\n👩‍👩‍👧 = \ufb01"), ["🐶 🐱", "👩‍👩‍👧 🐶"], ["𐐨𐐩", "fi"])
    yield language([("ab", "क्ष त्र"), ("b", "त्र")], ["ba", "a"], ["त्रक्ष"], separator="")
    yield language(_rules("red = ab\nblue = cd\nred blue = abcd"), ["blue red"], ["cdab"], separator="")
    yield language(_rules("अ आ = क ख\nआ = ख"), ["आ अ"], ["ख क"])
    # Right to left: sentences on the right.
    turned = "pilat mo kes = the king runs\npilat mo luma = the moon runs\n"
    turned += "vedit mo kes mo luma = the king follows the moon"
    yield language(_rules(turned), ["vedit mo luma mo kes"], ["the moon follows the king"])
    # So many languages are possible that hardly all can be weighed.
    yield language([(f"noun{c} verb{c}", f"k{c} r{c}") for c in "abcdefgh"], ["nouna verbb", "nouna"])
    yield language(_rules("red green blue the = red blue green the cat"), ["red blue"])
    yield language(_rules("one two three four = a b c d e"), ["one two"])


TEXTS = [
    "",
    "   \n\n",
    "red",
    "red =",
    "= dax",
    "red = ?",
    "red = dax = wif",
    "a = b\nc d\ne = f = g\nh -> i\nj =\n= k\nl = ?",
    "1984 = x",
    "#1 cat = mir",
    "cat = mir #1",
    "a, b and c = x y",
    "Wait! -> x",
    "*SUPPORT*\n\n*QUERY*\nIN: a OUT: color:#0000ff;\n",
    "IN: red OUT: dax\nblue = wif\nIN: blue OUT:\nIN: OUT: wif\nIN: green\n*QUESTIONS*\n",
    "Mine\nIN: red OUT: dax",
    "My colours\nred = dax\nblue =\nblue red = wif dax",
    "dog:noun = inu",
    "don't = mi ne",
    "dog:noun red: inu roj",
    "well-known = a-b",
    "? red = dax\nblue = wif\n? blue red = wif dax",
    "?red = dax",
    '{"2": "due", "1": "una", "\\u00e9\\n": "x"}',
    '{"a": 1}',
    "[1, 2.5, null, true]",
    '[["a", "b", "c"], "x = y"]',
    '[["a", 1e300], {"x": "y", "b": [1, {"c": "d"}], "z": -0.00001}]',
    "[1",
    '{"a": "b",}',
    '["a = b", "c"]',
    "[]",
    '{"source": "red", "target": "dax"}',
    '{"source": "red"}',
    '[["a", "b"]] x',
    '["red = dax\\nblue", "a,b\\nc"]',
    '{"en": "red", "fr": "rouge"}',
    '[{"en": "red", "fr": "rouge"}]',
    '[{"word": "red", "translation": "rouge"}]',
    '["' + "long " * 20 + '", 3]',
    "[[[[[[[[[1]]]]]]]], 12345678901234567890123456789012345678901234567890]",
    "[NaN]",
    'red,"dax, wif"\nblue,"a ""b"" c"\ngreen,  "x" y',
    'a,"b\nc,d',
    "red，dax\nblue，wif",
    '"a", b, c\nd,e',
    ",\na,b",
    "red\u00a0=\u3000dax\u2028",
    "\ufeffred = dax",
    "\u200bred = dax\u200b",
    "١. red = dax",
    "red = dax\x1c",
    "a\x85b = c",
    "this line is much longer than thirty characters",
    "'quoted' and \"double\" \\ \t back",
    "tab\\\x07bell",
    "red:dax",
    "a: b: c",
    "a - b - c = d",
    "x = y\nz → w\nu = v",
    "a b\nc d\ne f\ng h\ni j\nk l\nm n",
    "=",
    "a = 'b'",
    "日本語,英語\n猫,cat",
    "german, x1\nrot, dax",
    "text,text_pair\na,b\nc",
    "word\ttranslation\tsource\ttarget\na\tb\tc\td",
    *TWO_RULES,
]

QUESTIONS = [
    "blue red",
    " blue red = ?",
    "3. blue red",
    "? blue red",
    "(b) blue red → ?",
    "blue red # which?",
    "",
    " ",
    "?",
    "is it? yes",
    "what is red?",
    "red = ?\n",
    "red\t?",
    "red : ?",
    "red ->?",
    "? -> red",
    "1. ",
    "- ",
    "# red",
    "a # b",
]

SPELLINGS = [
    *({"text": text} for text in ("", "Blue, RED!", "don’t ‘red’ 'a' ''a'' 'ab", "a\u200bb \u200b", "İI ISTANBUL ıi")),
    *(
        {"text": text}
        for text in ("ﬁne ŉ ǰ ΐ ᾳ ẞß µ K ſ", "ᏣᎳᎩ Ꮳꮳ", "e\u0301 é", "👩‍👩‍👧👍🏽", "—red— ¿qué? (a) [b] …")
    ),
    *({"text": text} for text in ("a\x00b\x1bc\u2028d", "مرحبا، بك؟", "हिन्दी।", "‚low’ `tick' ‘’", "\ufeff", "-- -")),
    *({"text": "a, b c ,d", "separator": separator} for separator in (",", ", ", " ", "", "x", "\n")),
    *({"text": text, "separator": ""} for text in ("👩‍👩‍👧e\u0301 👍🏽x", "\u0301a\u200d", "a b\tc", "🇩🇪")),
    *({"text": "Red, RED 'red'", "exact": True}, {"text": 3}, {"text": None}, {"text": ["a"]}),
]
