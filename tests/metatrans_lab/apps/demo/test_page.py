"""The page in a real browser: `make test-demo`."""

import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

pytest.importorskip("gradio", reason="gradio isn't here (make test-demo has it)")
pytest.importorskip("selenium.webdriver", reason="selenium isn't here (make test-demo has it)")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from metatrans_lab.exact.translator import ExactTranslator
from modeling_metalstm.rules_metalstm import read_lines

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def address():
    """Where the page is served, by a process of its own, on this machine alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = "from metatrans_lab.apps.startup import main; main()"  # as the command does
    command = [sys.executable, "-c", start, "demo", "--port", str(port)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}/"
    end = time.monotonic() + 120
    while True:
        assert process.poll() is None and time.monotonic() < end, process.stdout.read().decode()
        try:
            urllib.request.urlopen(url, timeout=5).close()
            break
        except OSError:
            time.sleep(0.3)
    yield url
    process.terminate()
    process.wait(20)


class Page:
    def __init__(self, browser, address: str):
        self.browser = browser
        browser.get_log("performance"), browser.get_log("browser")
        browser.get(address)
        self.until("#answer .mt-answer")

    def find(self, selector: str):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return self.browser.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def until(self, selector: str, text: str = "", seconds: float = 60) -> str:
        """What stands there, once the text does."""
        end = time.monotonic() + seconds
        while True:
            found = self.browser.find_elements(By.CSS_SELECTOR, selector)
            shown = self.text(selector) if found else None
            if shown is not None and text in shown:
                return shown
            assert time.monotonic() < end, f"{text!r} never came; {selector} shows {shown!r}"
            time.sleep(0.05)

    def write(self, selector: str, text: str) -> None:
        field = self.find(f"{selector} textarea, {selector} input")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)

    def rules(self) -> str:
        """What stands in the field of rules."""
        return self.find("#rules textarea").get_attribute("value")

    def until_rules(self, wanted: Callable[[str], bool], seconds: float = 20) -> str:
        """The rules, once they are as wanted."""
        end = time.monotonic() + seconds
        while not wanted(self.rules()):
            assert time.monotonic() < end, self.rules()
            time.sleep(0.05)
        return self.rules()


@pytest.fixture
def page(browser, address):
    browser.set_window_size(1200, 1000)
    browser.get(f"{address}config")  # the same origin, where no page still writes what an earlier test typed
    browser.execute_script("localStorage.clear()")
    return Page(browser, address)


START = "red = dax\nblue red = wif dax\n"


def test_rules_are_typed_and_the_translation_follows(page):
    page.write("#rules", START)
    page.write("#question", "red red")
    assert "line 1 has it first" in page.until("#answer", "dax dax")
    page.find("#question textarea, #question input").send_keys(Keys.BACKSPACE)
    page.until("#answer", "no rule translates it")
    page.find("#rules textarea").send_keys("cat blue =")
    page.until("#hint", "Not read: line 3: there is no translation beside 'cat blue'")
    page.find("#rules textarea").send_keys(" miro wif")
    page.write("#question", "cat red zup")
    shown = page.until("#answer", "miro dax")
    assert "line 3 has it first" in shown and "no rule translates it" in shown
    assert "zup" in page.until("#hint", "zup") and page.find("#curve svg").is_displayed()


def test_a_grammar_with_what_was_learned_and_the_other_way(page):
    page.write("#rules", "the cat sees the dog = neko inu o miru\nthe dog sleeps = inu neru\ndog = inu\ncat = neko")
    page.write("#question", "the dog sees the cat")
    page.until("#answer", "inu neko o miru")
    assert "The model, grammarian, says" in page.until("#hint", "model")
    page.find("#facts button").click()
    assert "not said certain" in page.until("#facts", "the article").replace("\t", " ")
    if "SCREENSHOT" in os.environ:  # README's picture
        page.browser.save_screenshot(os.environ["SCREENSHOT"])
    page.find("#reverse input").click()
    page.write("#question", "neko neru")
    page.until("#answer", "the cat sleeps")


def test_an_open_question_says_what_would_tell(page):
    page.write("#rules", "blue house = casa azul\nred car = coche rojo")
    page.write("#question", "red house")
    assert "61%" in page.until("#answer", "or casa rojo")
    page.until("#hint", "Most would tell a rule for “red”")


def test_a_contradiction_is_named_by_its_rules(page):
    page.write("#rules", f"{START}red = wrong\nblue = wif")
    page.until("#hint", "What is in line 3 is left out")
    page.write("#rules", "red = dax\nred = wrong")
    page.until("#answer", "Examples 1 and 2 disagree")


def test_starting_anew_and_bringing_back_what_was_there(page):
    page.write("#rules", f"{START}green = lug")
    page.find("#make").click()
    made = page.until_rules(lambda text: text.count("=") == 6)
    page.until("#answer .mt-answer")
    page.find("#undo").click()
    assert page.until_rules(lambda text: text != made) == f"{START}green = lug"


def test_a_reload_loses_nothing(page):
    page.write("#rules", f"{START}green = lug")
    page.write("#question", "green red")
    page.until("#answer", "lug dax")
    time.sleep(0.5)  # the browser writes it down
    page.browser.refresh()
    page.until("#answer", "lug dax")
    assert page.until_rules(lambda text: "green = lug" in text) == f"{START}green = lug"


def test_markup_is_text(page):
    page.write("#rules", "<img/src=x/onerror\u200b=document.title='gone'> -> dax")
    page.write("#question", "<img/src=x/onerror=document.title='gone'>")
    page.until("#answer", "img")
    assert page.browser.title == "metatrans" and not page.browser.find_elements(By.CSS_SELECTOR, "#answer img")


def test_on_a_phone(browser, address):
    browser.set_window_size(500, 850)  # no narrower is the window; the page is
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        page = Page(browser, address)
        width = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert width[0] <= width[1] == 390
        for selector in ("#rules", "#question", "#reverse", "#answer", "#make"):
            box = page.find(selector).rect
            assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["width"] >= 24, selector
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def open_tab(page: Page, name: str) -> None:
    next(tab for tab in page.browser.find_elements(By.CSS_SELECTOR, "button[role=tab]") if tab.text == name).click()


def test_the_game(page):
    open_tab(page, "Play")
    rules = page.until("#game-rules", "=")
    question = page.until("#game-question", "?").removeprefix("What is ").removesuffix("?")
    page.write("#game-answer", ExactTranslator([rule[:2] for rule in read_lines(rules)])(question).text)
    page.find("#check").click()
    assert "You were right" in page.until("#verdict", "After 1 round: you 1")


def test_a_model_learns_while_one_watches(page):
    open_tab(page, "Workshop")
    page.until("#begin")
    page.find("#begin").click()
    first = page.until("#status", "Step", 120)
    end = time.monotonic() + 120
    while page.text("#status") == first:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert page.find("#loss img").is_displayed() and page.find("#shots img").is_displayed()
    page.find("#pause").click()
    paused = page.until("#status", "Paused", 60)
    time.sleep(2.5)
    assert page.text("#status") == paused
    page.find("#go-on").click()
    while "Paused" in page.text("#status"):
        assert time.monotonic() < end
        time.sleep(0.1)
    page.find("#begin").click()  # anew, while it learns
    before = int(re.search(r"step (\d+)", paused)[1])
    anew = time.monotonic() + 60
    while not (step := re.search(r"Step (\d+)", page.text("#status"))) or int(step[1]) >= before:
        assert time.monotonic() < anew, page.text("#status")
        time.sleep(0.02)
    page.find("#pause").click()
    page.until("#status", "Paused", 60)


def test_no_request_leaves_the_machine(page, address):
    page.write("#rules", START)
    page.write("#question", "red red")
    page.until("#answer", "dax dax")
    asked = []
    for entry in page.browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"])
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    errors = [entry["message"] for entry in page.browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert [error for error in errors if "AbortError" not in error] == []  # of what an earlier test left running


def call(address: str, question: str) -> str:
    """The page's own call for an answer, without a browser."""
    spec = importlib.util.spec_from_file_location("demo", ROOT / "benchmarks" / "demo.py")
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, "path", [str(ROOT / "benchmarks"), *sys.path]):
        spec.loader.exec_module(module)
    known = module.find_call(address)
    body = {"data": [START, question, False], "fn_index": known["fn_index"], "session_hash": "test"}
    request = urllib.request.Request(
        f"{address}gradio_api/run/predict", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())["data"][0]


def test_what_no_browser_would_send_is_answered_too(address):
    assert "wif" in call(address, "blue")
    assert "more than 500 characters" in call(address, "x" * 1_000_000)
    assert "more than 500 characters" in call(address, "a " * 500_000)
    for text in ("\x00\x1b[31m\u202e blue", "<script>alert(1)</script> blue", "\ud7ff \U0001f642 blue"):
        answered = call(address, text)
        assert "<script" not in answered and "wif" in answered
    assert "wif" in call(address, "blue")


def test_a_taken_port_is_a_sentence(address):
    port = address.rsplit(":", 1)[1].strip("/")
    command = [sys.executable, "-m", "metatrans_lab.apps.shell", "demo", "--port", port]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"metatrans: can't listen on 127.0.0.1:{port}")


def test_the_benchmark_works(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks" / "demo.py"), "--quick", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    measured = json.loads((tmp_path / "demo.json").read_text())["results"]
    assert len(measured["key_to_answer_ms"][0]) == 5 and min(measured["key_to_answer_ms"][0]) > 0
    assert len(measured["clients_ms"][0]) >= 20 and measured["errors"] == []
