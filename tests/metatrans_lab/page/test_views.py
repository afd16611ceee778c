"""The page that is only files, in a real browser, without its model: what one types, watches and solves."""

import itertools
import json
import math
import time
from urllib.parse import urlencode

import pytest

pytest.importorskip("selenium.webdriver", reason="selenium isn't here (make test-demo has it)")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from metatrans_lab.apps.printing import percent

from .asked_of_both import by_python

RULES = "blue house = casa azul\nred car = coche rojo"


class Page:
    def __init__(self, browser, folder) -> None:
        self.browser, self.address = browser, (folder / "index.html").as_uri()
        self.open()
        browser.execute_script("localStorage.clear()")

    def open(self, **carried) -> None:
        self.browser.get("about:blank")  # another fragment alone would not load the page anew
        self.browser.get(f"{self.address}#{urlencode(carried)}" if carried else self.address)

    def at(self, name: str):
        return self.browser.find_element(By.ID, name)

    def text(self, name: str) -> str:
        return self.at(name).text

    def value(self, name: str) -> str:
        return self.at(name).get_attribute("value")

    def type(self, name: str, text: str) -> None:
        self.at(name).clear()
        self.at(name).send_keys(text)

    def until(self, name: str, text: str) -> None:
        end = time.monotonic() + 20
        while text not in (said := self.text(name)):
            assert time.monotonic() < end, f"{text!r} never came; there is {said!r}"
            time.sleep(0.05)


@pytest.fixture
def page(browser, folder):
    return Page(browser, folder)


def test_an_answer_follows_each_key(page):
    page.type("rules", "red = dax\nblue red = wif dax")
    page.type("question", "red blue")
    page.until("answer", "dax wif\n98%")
    page.type("question", "green red")
    page.until("answer", "Add a rule with “green”")
    page.type("question", "dax wif")
    page.until("answer", "Its words stand on the other side")
    page.browser.find_element(By.CSS_SELECTOR, "#answer button").click()
    page.until("answer", "red blue")
    page.at("there").click()
    page.browser.find_element(By.CSS_SELECTOR, "#learned summary").click()
    page.until("facts", "word blue")


def test_what_would_tell_most_is_begun_by_a_button(page):
    page.open(rules=RULES, ask="red house")
    page.until("answer", "or casa rojo")
    page.browser.find_element(By.CSS_SELECTOR, "#answer button").click()
    before, _, begun = page.value("rules").rpartition("\n")
    assert before == RULES and begun.endswith(" = ") and page.browser.switch_to.active_element == page.at("rules")
    page.at("rules").send_keys("rojo")
    page.until("answer", "casa rojo\n99.")


def test_a_link_carries_what_was_typed_and_a_reload_keeps_it(page):
    page.type("rules", "cat = 猫 = <b>\n")
    page.type("rules", "cat-s = neko-ra & <b>x</b>")
    page.type("question", "cat")
    page.at("link").click()
    page.until("said", "carries your rules")
    link = page.browser.current_url
    page.open()
    assert page.value("rules") == "cat-s = neko-ra & <b>x</b>" and page.value("question") == "cat"
    page.browser.execute_script("localStorage.clear()")
    page.browser.get("about:blank")
    page.browser.get(link)
    assert page.value("rules") == "cat-s = neko-ra & <b>x</b>" and not page.browser.find_elements(By.CSS_SELECTOR, "b")


def test_other_rules_can_be_brought_back(page):
    page.type("rules", "my = own")
    Select(page.at("starts")).select_by_value("Two answers")
    assert page.value("rules") == RULES
    page.at("undo").click()
    assert page.value("rules") == "my = own" and not page.at("undo").is_enabled()


def test_a_file_of_rules_is_read(page, tmp_path):
    for number, encoding in enumerate(("utf-8", "utf-16")):
        path = tmp_path / f"rules{number}.txt"
        path.write_text(f"red = dax{number}\n", encoding=encoding)
        page.browser.execute_script("arguments[0].classList.remove('hidden')", page.at("file"))
        page.at("file").send_keys(str(path))
        page.until("said", f"Read {path.name}")
        assert page.value("rules") == f"red = dax{number}"


def test_lines_that_are_no_rules_and_errors_are_told(page):
    page.type("rules", "red = dax\nblue")
    page.until("unread", "Not read: line 2")
    page.type("rules", "cat = neko\ncat = inu")
    page.until("answer", "disagree")


def test_it_can_be_watched_while_it_reads(page):
    page.open(rules=RULES, ask="red house")
    page.at("tab-translate").send_keys(Keys.ARROW_RIGHT)
    assert page.at("watch").is_displayed() and not page.at("translate").is_displayed()
    page.until("beliefs", "coche")
    page.at("read").send_keys(Keys.ARROW_LEFT)
    page.until("lines", "red car = coche rojo")
    assert "coche" not in page.text("beliefs") and "casa" in page.text("beliefs")
    page.at("read").send_keys(Keys.ARROW_LEFT)
    page.until("beliefs", "Nothing is known yet")


def test_it_shows_how_well_each_word_was_foreseen(page):
    page.open(rules=RULES)
    page.at("tab-translate").send_keys(Keys.ARROW_RIGHT)
    page.until("foreseen", "exact surprised by")
    rules = [line.split(" = ") for line in RULES.splitlines()]
    expected = by_python({"kind": "predicted", "rules": rules})
    cells = [cell.text for cell in page.browser.find_elements(By.CSS_SELECTOR, "#lines i.exact")]
    odds = [*itertools.chain(*expected)]
    chances = [percent(p).replace("certain", "100%") for p in odds]
    assert cells == chances
    page.browser.find_element(By.CSS_SELECTOR, "#foreseen summary").send_keys(Keys.ENTER)
    table = page.text("foreseen").splitlines()
    words = [word for _, target in rules for word in (*target.split(), "end")]
    for word, p, chance in zip(words, odds, chances, strict=True):
        assert any(line.endswith(f" {word} {chance} ({abs(math.log(p)):.2f})") for line in table)
    total = sum(abs(math.log(p)) for p in odds)
    assert table[-1] == f"in all {total:.2f}" and f"exact surprised by {total:.2f} nats in all" in table
    page.at("read").send_keys(Keys.ARROW_LEFT)
    assert len(page.browser.find_elements(By.CSS_SELECTOR, "#lines i.exact")) == 3  # of the first rule
    page.until("reader", "The page has no model that reads such rules")


def test_what_came_after_all_is_not_said_to_have_been_impossible(page):
    page.open(rules="the cat sees the dog = neko inu o miru")
    page.at("tab-translate").send_keys(Keys.ARROW_RIGHT)
    page.until("foreseen", "exact surprised by")
    assert page.browser.find_elements(By.CSS_SELECTOR, "#lines i.exact")[-1].text == "<1%"


def puzzle_shown(page) -> dict:
    name = page.browser.find_element(By.CSS_SELECTOR, "#given h2").text
    return page.browser.execute_script("return metatrans.puzzles.find(p => p.language === arguments[0])", name)


def test_puzzles_are_solved(page):
    page.at("tab-puzzle").click()
    puzzle = puzzle_shown(page)
    assert puzzle["introduction"] in page.text("given")
    page.at("check").click()
    assert page.text("score") == "Write an answer first, any of them."
    page.type("answer-0", puzzle["questions"][0]["answer"].upper())
    page.type("answer-1", "nonsense")
    page.at("hint").click()
    page.at("check").click()
    assert page.text("verdict-0").startswith("Right.") and page.text("verdict-1").startswith("Not yet.")
    assert page.text("score") == f"1 of {len(puzzle['questions'])} is right."
    assert page.text("hints") == puzzle["hints"][0] and "left" in page.text("hint")
    page.browser.find_element(By.CSS_SELECTOR, "#verdict-1 summary").click()
    for step in puzzle["reasoning"][1]:
        assert step["text"] in page.text("verdict-1")

    page.at("another").click()
    other = puzzle_shown(page)
    assert other["language"] != puzzle["language"] and page.value("answer-0") == page.text("hints") == ""
    for number, question in enumerate(other["questions"]):
        page.type(f"answer-{number}", question["answer"])
    page.at("answer-0").send_keys(Keys.ENTER)
    assert page.text("score") == f"All {len(other['questions'])} are right: solved."
    page.open()  # what was answered is there the next time
    page.at("tab-puzzle").click()
    assert puzzle_shown(page) == other and page.value("answer-0") == other["questions"][0]["answer"]
    Select(page.at("which")).select_by_value(puzzle["language"])
    assert puzzle_shown(page) == puzzle and page.value("answer-1") == "nonsense"
    assert page.text("hints") == puzzle["hints"][0]
    options = [option.text for option in Select(page.at("which")).options]
    assert options == [f"1. {puzzle['language']}", f"2. {other['language']} ✓"]

    page.at("take").click()
    assert page.at("translate").is_displayed()
    page.until("answer", "Now write a sentence")  # none of the puzzle's, which would give it away
    page.type("question", puzzle["examples"][0]["source"])
    page.until("answer", puzzle["examples"][0]["target"])


@pytest.mark.parametrize(
    "said, verdict",
    [
        ("Pa-apo ebo TA oge!", "Right."),
        ("paapo ebo ta oge", "Right."),
        ("oge ebo ta pa-apo", "Not yet: all words are right, but not their order."),
        ("pa-apo eb ta oge", "Not yet: “eb” is a letter off."),
        ("pa-apo ebbo ta oge", "Not yet: “ebbo” is a letter off."),
        ("pa-apo obe ta oge", "Not yet: 3 of its 4 words are right."),
        ("ebo ebo ebo", "Not yet: 1 of its 4 words are right."),
        ("ka", "Not yet."),
        ("-", ""),
    ],
)
def test_what_is_right_about_a_wrong_answer_is_told(page, said, verdict):
    page.browser.execute_script(
        "metatrans.puzzles[0].questions[0].answer = 'pa-apo ebo ta oge'; document.getElementById('level').onchange()"
    )
    page.at("tab-puzzle").click()
    page.type("answer-0", said)
    page.at("check").click()
    assert page.text("verdict-0").partition("\n")[0] == verdict


def test_out_of_the_language_each_word_is_told(page):
    page.open(rules="the cat sees the dog = miko rana loom\nthe dog sleeps = loom duva", ask="miko duva", back=1)
    page.until("answer", "miko → cat\nline 1 has it first\nduva → sleeps\nline 2 has it first")
    own = "the cat sees the dog = neko inu o miru\nthe dog sleeps = inu neru\nthe bird sees the dog = tori inu o miru"
    page.open(rules=own, ask="inu tori o miru", back=1)
    page.until("answer", "o → a particle of the object")


def test_a_word_that_no_rule_shows_and_the_answer_leaves_out_is_told(page):
    """Where two words aren't said, a third may not be either."""
    said = """
        const [text, unknown] = arguments;
        return metatrans.translateView.unsaid({ probability: 0.7, text, unknown });
    """
    for text, unknown, told in (
        ("tipi rana", ["see"], ", if “see” isn’t said"),
        ("tipi ?", ["see", "this"], ", if not all that no rule shows is said"),
        ("tipi ?", ["see"], ""),
        ("tipi", [], ""),
    ):
        assert page.browser.execute_script(said, text, unknown) == told


def test_a_phone_has_it_without_scrolling_sideways(page):
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for tab in ("translate", "watch", "puzzle"):
            page.at(f"tab-{tab}").click()
            assert page.browser.execute_script("return document.documentElement.scrollWidth") <= 390
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_asks_no_server(page):
    messages = [json.loads(entry["message"])["message"] for entry in page.browser.get_log("performance")]
    asked = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
    assert asked and all(url.startswith(("file:", "about:", "data:", "blob:")) for url in asked)
