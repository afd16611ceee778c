from metatrans_lab.experiments.timing import in_turn, ratios, seconds_a_call, turn


def test_contestants_take_turns():
    order = []

    def contestant(name: str):
        return lambda: order.append(name) or float(len(order))

    measures = in_turn({"a": contestant("a"), "b": contestant("b")}, 3)
    assert order == ["a", "b"] * 3 and measures == {"a": [1.0, 3.0, 5.0], "b": [2.0, 4.0, 6.0]}
    assert ratios(measures["b"], measures["a"]) == [2.0, 4 / 3, 1.2]


def test_a_turn_is_as_many_calls_as_fit():
    asked = []

    def seconds(calls: int) -> float:
        asked.append(calls)
        return 0.25

    assert turn(seconds, 2.0)() == 0.25 and asked == [1, 8]
    assert turn(seconds, 0.0)() == 0.25 and asked == [1, 8, 1, 1]


def test_every_call_counts():
    calls = []
    assert seconds_a_call(lambda: calls.append(None), 5) >= 0 and len(calls) == 5
