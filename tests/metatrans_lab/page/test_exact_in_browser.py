"""The page in a real browser says what Python says, as it does in node."""

import pytest

from .asked_of_both import by_browser, hold_equal
from .cases import GALLERY, invented, odd, of_gallery


@pytest.fixture(scope="module")
def page(browser, folder):
    browser.set_script_timeout(300)
    browser.get((folder / "index.html").as_uri())
    return browser


def in_browser(page, cases: list[dict]) -> None:
    for start in range(0, len(cases), 20):
        some = cases[start : start + 20]
        hold_equal(some, by_browser(page, some))


def test_the_gallery(page):
    in_browser(page, [of_gallery(path) for path in GALLERY])


def test_what_is_odd(page):
    in_browser(page, [*odd()])


def test_invented_languages(page):
    in_browser(page, [invented(number) for number in range(30)])


@pytest.mark.slow
def test_many_invented_languages(page):
    in_browser(page, [invented(number) for number in range(560, 1060)])
