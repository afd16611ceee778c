import pytest

from metatrans_lab.errors import UserError
from metatrans_lab.experiments.pages import fill, markdown, spread, with_interval

PAGE = "before\n<!-- a -->\nold\n<!-- /a -->\nbetween\n<!-- b -->\nold\n<!-- /b -->\n"


def test_a_text_goes_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    for text in ("new", "| newer |"):
        fill(page, "a", text)
        assert page.read_text() == PAGE.replace("old", text, 1)


@pytest.mark.parametrize(
    "text",
    ["", PAGE.replace("<!-- a -->", ""), PAGE.replace("<!-- /a -->", ""), PAGE + PAGE, "<!-- /a -->\n<!-- a -->\n"],
)
def test_a_page_without_the_marks_stays_as_it_is(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(UserError, match=r"must have <!-- a --> and after it <!-- /a -->"):
        fill(page, "a", "new")
    assert page.read_text() == text


def test_a_table_in_markdown():
    table = markdown(["", "number", "why"], [["x", 0.123456, "a"], ["y", 12.34, "b"], ["z", 7, "c"]], words=("why",))
    assert table.splitlines() == [
        "|  | number | why |",
        "|---|--:|---|",
        "| x | 0.12346 | a |",
        "| y | 12.3 | b |",
        "| z | 7 | c |",
    ]


def test_cells():
    assert with_interval({"x": 0.5, "intervals": {"x": (0.25, 0.75)}}, "x") == "0.50000 (0.25000)"
    assert spread([0.5, 0.25, 0.75]) == "0.50000 (0.25000…0.75000)"
