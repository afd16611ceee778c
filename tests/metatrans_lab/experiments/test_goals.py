from metatrans_lab.experiments.goals import figure, texts


def test_a_figure_says_what_it_reached():
    for values, reached in (([1.9, 3.0, 2.0], "no"), ([3.0], "bar"), ([9.0], "moonshot")):
        assert figure("x", values, 3, 5)["reached"] == reached
    assert figure("x", [0.4], 0.5, 0.2, lower=True)["reached"] == "bar"
    assert figure("x", [9.0], 2, lower=True)["reached"] == "no" and figure("x", [1.0])["reached"] is None


def test_a_figure_in_words():
    assert texts(figure("x", [1.0, 2.0, 1234.5], 3, 1, unit="s", lower=True)) == ("2 s", "1…1,234", "≤ 3 s", "≤ 1 s")
    assert texts(figure("x", [0.123456], 0.1)) == ("0.1235", "0.1235…0.1235", "≥ 0.1", "")
