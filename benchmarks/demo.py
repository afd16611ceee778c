"""Latency of the web page, at thirty rules of eight words: from the last key to the new answer, and while twenty
people ask at once.

    .venv-demo/bin/python benchmarks/demo.py [--rounds 3] [--quick] [--output DIR]

Needs the environment of `make test-demo`, and Debian's chromium and chromium-driver.
"""

import json
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

os.environ.pop("OMP_NUM_THREADS", None)  # all cores: torch reads it at import

from browser import browse
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from metatrans_lab.experiments.benchmarks import read_arguments, report
from metatrans_lab.experiments.checkout import ROOT
from metatrans_lab.experiments.goals import figure

LEXICON = {f"{one}{two}": f"{two}{one}na" for one in ("ba", "de", "ki", "lo", "mu") for two in "aeioubd"}  # 35 words
QUESTIONS = ("baa dee kii", "loo muu bab ded kid", "lou", "mub dea loo")


def make_rules(number: int = 30, length: int = 8) -> str:
    """As many examples as a long-winded person writes, which have all words of the lexicon."""
    words, rng = list(LEXICON), random.Random(0)
    sentences = [[words[(length * i + j) % len(words)] for j in range(length)] for i in range(number)]
    for sentence in sentences:
        rng.shuffle(sentence)
    return "\n".join(f"{' '.join(s)} = {' '.join(LEXICON[word] for word in s)}" for s in sentences)


WATCH = """
window.shown = () => document.querySelector('#answer .mt-answer')?.innerText;
window.before = shown();
window.pressed = window.changed = null;
document.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
setInterval(() => {
    if (window.pressed !== null && window.changed === null && shown() !== window.before)
        window.changed = performance.now();
}, 2);
"""

WAIT = """
const done = arguments[0];
const look = () => {
    if (window.changed === null) return setTimeout(look, 5);
    const took = window.changed - window.pressed;
    window.before = shown(); window.pressed = window.changed = null;
    done(took);
};
look();
"""


def serve() -> tuple[subprocess.Popen, str]:
    """Starts the page in a process of its own; gives the process and the page's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "metatrans_lab.apps.shell", "demo", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"HF_HUB_OFFLINE": "1"}, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/"
    while True:
        if process.poll() is not None:
            sys.exit("the page didn't start")
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return process, address
        except OSError:
            time.sleep(0.3)


def key_to_answer(address: str, rounds: int) -> list[float]:
    """Milliseconds from the last key to the new answer in a browser, for each of the rounds."""
    driver = browse()
    try:
        driver.get(address)
        while not driver.execute_script("return document.querySelector('#answer .mt-answer') !== null"):
            time.sleep(0.1)
        driver.set_script_timeout(30)
        rules = driver.find_element(By.CSS_SELECTOR, "#rules textarea")
        rules.send_keys(Keys.CONTROL, "a")
        rules.send_keys(make_rules())
        field = driver.find_element(By.CSS_SELECTOR, "#question textarea, #question input")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(QUESTIONS[0])
        time.sleep(5)
        driver.execute_script(WATCH)
        field.send_keys(Keys.END)
        driver.execute_script("window.pressed = null")
        times = []
        for number in range(rounds + 5):
            time.sleep(0.3)
            field.send_keys(Keys.BACKSPACE if number % 2 == 0 else QUESTIONS[0][-1])  # … ki, … kii, …
            times.append(driver.execute_async_script(WAIT))
        return times[5:]
    finally:
        driver.quit()


def ask(address: str, question: str, call: dict) -> float:
    """Seconds that the page's own call for an answer takes.

    Args:
        call: as of `find_call`.

    Raises:
        OSError: there came an error in place of an answer.
    """
    data = [make_rules(), question, False]
    body = json.dumps({"data": data, "fn_index": call["fn_index"], "session_hash": "benchmark"}).encode()
    request = urllib.request.Request(f"{address}gradio_api/run/predict", body, {"Content-Type": "application/json"})
    start = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as reply:
        answered = json.loads(reply.read())["data"][0]
    if "mt-answer" not in json.dumps(answered):
        raise OSError(f"no answer: {answered}")
    return time.perf_counter() - start


def find_call(address: str) -> dict:
    """The page's call for an answer: its number. It takes the rules, the question, and whether it is the other way."""
    with urllib.request.urlopen(f"{address}config") as reply:
        config = json.loads(reply.read())
    ids = {component["props"].get("elem_id"): component["id"] for component in config["components"]}
    for call in config["dependencies"]:
        if [ids["question"], "change"] in [list(target) for target in call["targets"]]:
            return {"fn_index": call["id"]}
    raise LookupError("the page has no call for an answer")


def many(address: str, clients: int, seconds: float, pause: float) -> tuple[list[float], list[str]]:
    """The seconds of each answer while so many clients ask, each every `pause` seconds; and the errors."""
    call = find_call(address)
    times: list[float] = []
    errors: list[str] = []
    end = time.perf_counter() + seconds

    def client(number: int) -> None:
        time.sleep(pause * number / clients)  # clients don't ask all at the same moment
        while time.perf_counter() < end:
            began = time.perf_counter()
            try:
                times.append(ask(address, QUESTIONS[number % len(QUESTIONS)], call))
            except (OSError, ValueError, KeyError) as error:
                errors.append(str(error))
            time.sleep(max(0.0, pause - (time.perf_counter() - began)))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, errors


def main(arguments: list[str]) -> None:
    options = read_arguments(arguments, __doc__, rounds=3)
    presses, seconds = (5, 4) if options.quick else (30, 60)
    keys, clients, errors = [], [], []
    process, address = serve()
    try:
        for _ in range(options.rounds):
            keys.append(key_to_answer(address, presses))
            times, failed = many(address, 20, seconds, 2.0)
            clients.append([1000 * time for time in sorted(times)])
            errors += failed
    finally:
        process.terminate()
        process.wait(20)
    medians = [statistics.median(times) for times in keys]
    p95 = [times[int(0.95 * len(times))] for times in clients]
    figures = [
        figure("from the last key to the new answer in a browser", medians, bar=100, unit="ms", lower=True),
        figure("20 people, a question every 2 s each: 95% are answered within", p95, bar=1000, unit="ms", lower=True),
        figure("errors among their questions", [len(errors)], bar=0, lower=True),
    ]
    results = {"key_to_answer_ms": keys, "clients_ms": clients, "errors": errors}
    report("demo", options, figures, results)


if __name__ == "__main__":
    main(sys.argv[1:])
