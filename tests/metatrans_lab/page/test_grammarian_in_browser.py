"""The page of the models that come with the package, in a real browser: a grammar is answered by `grammarian`."""

import time
from urllib.parse import urlencode

import pytest

pytest.importorskip("selenium.webdriver", reason="selenium isn't here (make test-demo has it)")

from selenium.webdriver.common.by import By

from metatrans_lab.apps.printing import percent, words_of
from metatrans_lab.exact.by_model import MANY_BINDINGS, MixedReader
from metatrans_lab.exact.translator import ExactTranslator
from metatrans_lab.export.page import export_page
from metatrans_lab.models import load_model
from metatrans_lab.models.load import mixed_language
from modeling_metalstm import TranslationError

from .cases import GALLERY, of_gallery
from .javascript import needs_runtime

pytestmark = [needs_runtime, pytest.mark.slow]

LANGUAGES = ("adjectives", "endings", "numbers", "particles", "rosetta", "verb-first")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "page"
    export_page("translator", folder)
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def reader():
    return MixedReader(load_model("grammarian"), mixed_language("grammarian"), MANY_BINDINGS * 8)


def said_of_it(browser) -> str:
    end = time.monotonic() + 90
    while (said := browser.find_element(By.ID, "model").text) in ("", "The model is reading …"):
        assert time.monotonic() < end, "the model never answered"
        time.sleep(0.05)
    return said


@pytest.mark.parametrize("name", LANGUAGES)
def test_what_grammarian_says_stands_beside_the_exact_answer(browser, address, reader, name):
    language = of_gallery(next(path for path in GALLERY if name in str(path)))
    exact = ExactTranslator([tuple(rule) for rule in language["rules"]])
    for question in language["sentences"][:2]:
        rules = "\n".join(" = ".join(rule) for rule in language["rules"])
        browser.get("about:blank")
        browser.get(f"{address}#{urlencode({'rules': rules, 'ask': question})}")
        answer = exact(question)
        try:
            model = reader(exact, question)
        except TranslationError as error:  # more words of a class than it has symbols for
            assert said_of_it(browser) == f"The model can’t say: {str(error)[0].lower()}{str(error)[1:]}"
            continue
        sure = f": {percent(min(word['probability'] for word in model['words']))}" if answer.is_settled else ""
        if words_of(model["translation_text"]) == words_of(answer.text):
            expected = f"The model says the same{sure}."
        elif answer.is_settled:
            expected = f"The model is wrong: it says “{model['translation_text']}”{sure}, which the rules rule out."
        else:
            expected = f"The model says “{model['translation_text']}”."
        assert said_of_it(browser) == expected
