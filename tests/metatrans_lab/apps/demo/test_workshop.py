import threading
import time

import pytest

gr = pytest.importorskip("gradio", reason="gradio isn't here (make test-demo has it)")

from metatrans_lab.apps.demo.workshop import MAX_RUNS, LiveRun, build_tab, recipe, watch  # noqa: E402


@pytest.mark.parametrize("words", range(2, 11))
@pytest.mark.parametrize("length", [1, 4])
def test_every_position_of_the_knobs_is_a_recipe(words, length):
    for curriculum in (True, False):
        config = recipe(words, length, 2, 32, curriculum)
        assert len(config.curriculum) == (length if curriculum else 1)


@pytest.mark.slow  # a minute
def test_the_run_that_the_page_proposes_learns_within_two_minutes():
    with gr.Blocks() as page:
        build_tab()
    knobs = {block.elem_id: block.value for block in page.blocks.values() if hasattr(block, "value")}
    names = ("knob-words", "knob-length", "knob-pairs", "knob-width", "knob-curriculum")
    run = LiveRun(recipe(*(knobs[name] for name in names)))
    *_, (status, _, _) = watch(run)
    assert "Done: step" in status and run.results["determined_accuracy"] > 0.99
    assert run.results["target_regret"] < 0.05 and run.seconds < 120


def test_a_run_learns_pauses_and_goes_on():
    run = LiveRun(recipe(2, 1, 6, 32, True))
    shown = watch(run)
    status, loss, shots = next(shown)
    assert "Step " in status and loss.startswith("<img") and "base64," in shots
    run.paused = True
    assert "Paused: step" in next(shown)[0]
    assert list(shown) == []
    step = run.step
    again = watch(run)
    next(again)
    assert run.step > step and len([line for line in run.log if "loss" in line]) == run.step
    again.close()


def test_going_on_at_once_waits_for_the_one_who_pauses():
    """However quickly Pause and Go on follow each other, one loop alone changes the weights."""
    run, together, most = LiveRun(recipe(2, 1, 2, 32, True)), [], []
    train = run.train

    def counted(seconds):
        together.append(1)
        most.append(len(together))
        train(seconds)
        together.pop()

    run.train = counted
    first = threading.Thread(target=lambda: list(watch(run)))
    first.start()
    while not most:
        time.sleep(0.01)
    run.paused = True
    again = watch(run)  # before the first has left
    next(again)
    first.join(30)
    assert not first.is_alive() and max(most) == 1 and len(most) >= 2
    again.close()
    assert run.paused


def test_a_run_that_finds_no_room_begins_nothing():
    watched = [watch(LiveRun(recipe(2, 1, 2, 32, True))) for _ in range(MAX_RUNS)]
    for one in watched:
        next(one)
    began, run = [], LiveRun(recipe(2, 1, 2, 32, True))
    assert "learning already" in next(watch(run, lambda: began.append(1)))[0]
    assert began == [] and run.paused and run.step == 0
    watched[0].close()
    later = watch(run, lambda: began.append(1))
    next(later)
    assert began == [1] and run.step > 0
    later.close()
    watched[1].close()


def test_no_more_learn_at_once_than_there_is_room_for():
    watched = [watch(LiveRun(recipe(2, 1, 2, 32, True))) for _ in range(MAX_RUNS)]
    for one in watched:
        next(one)
    refused = list(watch(LiveRun(recipe(2, 1, 2, 32, True))))
    assert len(refused) == 1 and "models are learning already" in refused[0][0]
    watched[0].close()  # who goes makes room
    more = watch(LiveRun(recipe(2, 1, 2, 32, True)))
    assert "Step " in next(more)[0]
    more.close()
    watched[1].close()
