"""The page of a small model, opened from the disk in a real browser."""

import shutil
import time

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium isn't here (make test-demo has it)")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not (CHROMIUM and DRIVER):
    pytest.skip("no chromium and chromedriver here", allow_module_level=True)

from selenium.webdriver.chrome.options import Options  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

from modeling_metalstm import TranslatorSession  # noqa: E402

from .javascript import needs_runtime  # noqa: E402
from .small_model import small  # noqa: E402
from .test_model import TRANSLATE, compare, draw_cases  # noqa: E402

__all__ = ["small"]

pytestmark = needs_runtime


@pytest.fixture(scope="module")
def browser(small):
    options = Options()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--disable-background-networking")
    options.add_argument("--disable-component-update")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(240)
    driver.get((small[1] / "index.html").as_uri())
    yield driver
    driver.quit()


def until(browser, text, seconds=90):
    """Waits until the model says so."""
    end = time.monotonic() + seconds
    while (said := browser.find_element(By.ID, "answer").text) != text:
        assert time.monotonic() < end, f"{text!r} never came; there is {said!r}"
        time.sleep(0.05)


def test_it_answers_while_one_types(small, browser):
    rules = [("red", "dax"), ("blue red", "wif dax")]
    until(browser, TranslatorSession(small[0], rules)("blue red blue")["translation_text"])
    field = browser.find_element(By.ID, "question")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("red new")
    until(browser, TranslatorSession(small[0], rules)("red new")["translation_text"])
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(Keys.DELETE)
    until(browser, "The sentence is empty; it needs at least one word.")


def test_it_says_the_same_as_python(small, browser):
    cases = draw_cases(30, 6, seed=3, settings=[{}, {"numBindings": 1}])
    body = "const [given, done] = arguments; const loadModel = metatrans.model.loadModel;"
    found = browser.execute_async_script(f"{body} (async () => {{ {TRANSLATE} }})().then(done)", cases)
    assert compare(small[0], cases, found) > (30, 150)


def test_it_asks_no_server_and_complains_of_nothing(browser):
    messages = [entry["message"] for entry in browser.get_log("performance")]
    requests = [message for message in messages if '"Network.requestWillBeSent"' in message]
    assert requests and not any('"url":"http' in request for request in requests)
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
