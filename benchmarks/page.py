"""The page that is only files, opened from the disk in a browser: how soon it is there, how soon an answer follows a
key, its size, and what it asks for.

    .venv-demo/bin/python benchmarks/page.py [--rounds 5] [--quick] [--output DIR]

Ten examples of made-up languages of every phenomenon; a key is the last letter of a question, or of the last example,
after which all examples are read anew; and an answer is there once it is painted. Needs the environment of
`make test-demo`, its packages for ONNX, and Debian's chromium and chromium-driver.
"""

import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

from browser import browse
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from metatrans_lab.exact.invented import PHENOMENA, invent
from metatrans_lab.experiments.benchmarks import read_arguments, report
from metatrans_lab.experiments.goals import figure
from metatrans_lab.export.page import export_page

EXAMPLES = 10

# From when the browser has a key: until the page's own listeners are through, and until the frame after is painted.
WATCH = """
window.took = null;
let pressed = null;
document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
document.addEventListener("input", () => {
    const answered = performance.now() - pressed;
    requestAnimationFrame(() => setTimeout(() => { window.took = [answered, performance.now() - pressed]; }));
});
"""

TOOK = """
const done = arguments[0];
const look = () => {
    if (window.took === null) return setTimeout(look, 1);
    const { took } = window;
    window.took = null;
    done(took);
};
look();
"""

MODEL = """
const done = arguments[0], began = performance.now();
metatrans.model.loadModel().then(() => done(performance.now() - began));
"""


def make_lesson(number: int) -> tuple[str, str]:
    """Ten examples of a made-up language, one a line, and a question of their words."""
    rng = random.Random(number)
    language = invent(rng, PHENOMENA[number % len(PHENOMENA)])
    sentences = [language.sentence(rng) for _ in range(EXAMPLES)]
    question = language.sentence(rng, sorted({word for sentence in sentences for word in sentence}))
    rules = "\n".join(f"{language.write(sentence)} = {language.translate(sentence)}" for sentence in sentences)
    return rules, language.write(question)


def open_page(driver: webdriver.Chrome, address: str) -> tuple[float, float]:
    """Milliseconds until all of the page has run and answered, and until its model can be asked."""
    driver.get("about:blank")
    driver.get(address)
    loaded = "return performance.getEntriesByType('navigation')[0].loadEventEnd"
    while not (opened := driver.execute_script(loaded)):
        time.sleep(0.01)
    return opened, driver.execute_async_script(MODEL)


def time_keys(driver: webdriver.Chrome, address: str, lessons: int) -> dict[str, list[list[float]]]:
    """Milliseconds from a key until it is answered, and until the answer is painted, by the field it is typed into."""
    driver.get("about:blank")
    driver.get(address)
    driver.execute_script(WATCH)
    times: dict[str, list[list[float]]] = {"question": [], "rules": []}
    for number in range(lessons):
        rules, question = make_lesson(number)
        for name, text in (("rules", rules), ("question", question)):
            field = driver.find_element(By.ID, name)
            driver.execute_script("arguments[0].value = arguments[1]", field, text[:-1])
            field.send_keys(Keys.CONTROL, Keys.END)
            driver.execute_script("window.took = null")
            field.send_keys(text[-1])
            took = driver.execute_async_script(TOOK)
            if name == "question":
                times[name].append(took)
        # The last letter of the last example anew, now that there is a question.
        field = driver.find_element(By.ID, "rules")
        for key in (Keys.BACK_SPACE, rules[-1]):
            field.send_keys(Keys.CONTROL, Keys.END)
            driver.execute_script("window.took = null")
            field.send_keys(key)
            took = driver.execute_async_script(TOOK)
        times["rules"].append(took)
    return times


def requests(driver: webdriver.Chrome) -> list[str]:
    """What was asked for that is no file, nor made by the page itself."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]
    return [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))]


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__ or "", rounds=5)
    lessons = 2 if options.quick else 5 * len(PHENOMENA)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "page"
        export_page("translator", folder)
        sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
        address = (folder / "index.html").as_uri()
        opened: list[tuple[float, float]] = []
        keys: list[dict[str, list[list[float]]]] = []
        asked: list[str] = []
        for _ in range(options.rounds):
            driver = browse()
            try:
                driver.set_script_timeout(60)
                opened.append(open_page(driver, address))
                keys.append(time_keys(driver, address, lessons))
                asked += requests(driver)
            finally:
                driver.quit()
    report(
        "page",
        options,
        make_figures(opened, keys, sizes, asked),
        {"opened_ms": opened, "keys_ms": keys, "bytes": sizes},
    )


def make_figures(
    opened: list[tuple[float, float]],
    keys: list[dict[str, list[list[float]]]],
    sizes: dict[str, int],
    asked: list[str],
) -> list[dict[str, Any]]:
    """The figures, of each round a value."""

    def of_keys(field: str, share: float, moment: int = 1) -> list[float]:
        each = [sorted(took[moment] for took in times[field]) for times in keys]
        return [times[int(share * (len(times) - 1))] for times in each]

    painted, question, rules = of_keys("question", 0.5), "a key in the question", "a key in the examples"
    return [
        figure("until the page has run, from the disk", [page for page, _ in opened], bar=2000, unit="ms", lower=True),
        figure("until its model can be asked, from then", [model for _, model in opened], unit="ms"),
        figure(f"{question} until its answer is painted", painted, bar=30, moonshot=10, unit="ms", lower=True),
        figure(f"{question} until its answer is painted, 95%", of_keys("question", 0.95), unit="ms"),
        figure(f"{question} until the page has answered it", of_keys("question", 0.5, 0), unit="ms"),
        figure(f"{rules}, all read anew, until the answer is painted", of_keys("rules", 0.5), unit="ms"),
        figure(f"{rules}, all read anew, until the answer is painted, 95%", of_keys("rules", 0.95), unit="ms"),
        figure("size of the folder", [sum(sizes.values()) / 1e6], unit="MB"),
        figure("requests that leave the page", [len(asked)], bar=0, lower=True),
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
