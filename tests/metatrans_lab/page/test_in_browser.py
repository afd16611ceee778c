"""The page of a small model, opened from the disk in a real browser."""

import itertools
import json
import math
import subprocess
import sys
import time

import pytest

pytest.importorskip("selenium.webdriver", reason="selenium isn't here (make test-demo has it)")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from metatrans_lab.apps.printing import percent
from metatrans_lab.experiments.checkout import ROOT
from modeling_metalstm import TranslatorSession

from .javascript import needs_runtime
from .small_model import small
from .test_model import TRANSLATE, compare, draw_cases, foreseen

__all__ = ["small"]

pytestmark = needs_runtime


@pytest.fixture(scope="module")
def browser(small, browser):
    browser.set_script_timeout(240)
    browser.get((small[1] / "index.html").as_uri())
    return browser


def until(browser, name, text, seconds=90):
    """Waits until an element has this text in it."""
    end = time.monotonic() + seconds
    while text not in (said := browser.find_element(By.ID, name).text):
        assert time.monotonic() < end, f"{text!r} never came; there is {said!r}"
        time.sleep(0.05)


def test_the_model_answers_beside_the_exact_answer(small, browser):
    rules = [("red", "dax"), ("blue red", "wif dax")]
    field = browser.find_element(By.ID, "rules")
    field.clear()
    field.send_keys("red = dax\nblue red = wif dax")
    for question, exact in (("blue red blue", "wif dax wif"), ("red new", "dax ?")):
        asked = browser.find_element(By.ID, "question")
        asked.clear()
        asked.send_keys(question)
        until(browser, "answer", exact)
        said = TranslatorSession(small[0], rules)(question)["translation_text"]
        until(browser, "model", "says the same" if said == exact else f"The model says “{said}”")


def test_the_model_is_watched_beside_the_exact_translator(small, browser):
    rules = [("red", "dax"), ("blue red", "wif dax"), ("blue green", "wif lug")]
    tokens, words = foreseen(small[0], rules)
    field = browser.find_element(By.ID, "rules")
    field.clear()
    field.send_keys("\n".join(" = ".join(rule) for rule in rules))
    browser.find_element(By.ID, "tab-watch").click()
    until(browser, "foreseen", f"model surprised by {-sum(map(math.log, itertools.chain(*tokens))):.2f} nats")
    cells = [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, "#lines i.model")]
    assert cells == [percent(p) for p in itertools.chain(*tokens)]
    for source, target in (("red", "dax"), ("blue", "wif"), ("green", "lug")):
        until(browser, "beliefs", f"{target} certain\nmodel: {percent(words[source][target])}")
    field = browser.find_element(By.ID, "read")
    field.send_keys(Keys.ARROW_LEFT)
    _, words = foreseen(small[0], rules[:2])
    until(browser, "beliefs", f"model: {percent(words['red']['dax'])}")
    assert "lug" not in browser.find_element(By.ID, "beliefs").text
    browser.find_element(By.ID, "tab-translate").click()
    field = browser.find_element(By.ID, "rules")
    field.send_keys("\nthe red = dax")
    browser.find_element(By.ID, "tab-watch").click()
    until(browser, "reader", "The page has no model that reads such rules")
    assert not browser.find_elements(By.CSS_SELECTOR, "#watch .model")
    assert browser.find_elements(By.CSS_SELECTOR, "#lines i.exact")
    browser.find_element(By.ID, "tab-translate").click()


@pytest.mark.parametrize("number, seed", [(30, 3), pytest.param(500, 4, marks=pytest.mark.slow)])
def test_it_says_the_same_as_python(small, browser, number, seed):
    cases = draw_cases(number, 6, seed, settings=[{}, {"numBindings": 1}])
    body = "const [given, done] = arguments; const loadModel = metatrans.model.loadModel;"
    found = browser.execute_async_script(f"{body} (async () => {{ {TRANSLATE} }})().then(done)", cases)
    assert compare(small[0], cases, found) > (number, 5 * number)


def test_it_asks_no_server_and_complains_of_nothing(browser):
    messages = [entry["message"] for entry in browser.get_log("performance")]
    requests = [message for message in messages if '"Network.requestWillBeSent"' in message]
    assert requests and not any('"url":"http' in request for request in requests)
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_the_benchmark_works(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "page.py"), "--quick", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    measured = json.loads((tmp_path / "page.json").read_text())
    (keys,) = measured["results"]["keys_ms"]
    times = [took for field in ("question", "rules") for took in keys[field]]
    assert len(times) == 4 and all(0 < answered <= painted for answered, painted in times)
    assert measured["figures"][-1]["median"] == 0  # requests
