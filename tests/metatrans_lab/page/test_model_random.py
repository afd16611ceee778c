"""The page's generator of random numbers is Python's."""

import random

from .javascript import needs_node, run_in_node

SEEDS = [0, 1, 2, 31, 2**31, 2**32 - 1, 2**32, 2**40 + 7, 2**53 - 1]


@needs_node
def test_the_same_seed_shuffles_alike():
    shuffles = [(seed, size) for seed in SEEDS for size in (1, 2, 6, 23, 64, 700)]
    body = """
        return given.map(([seed, size]) => {
          const random = new metatrans.model.SeededRandom(seed);
          const values = Array.from({length: size}, (_, i) => i);
          return [random.shuffled(values), random.shuffled(values)];
        });
    """
    for (seed, size), found in zip(shuffles, run_in_node(body, shuffles), strict=True):
        rng = random.Random(seed)
        assert found == [rng.sample(range(size), size) for _ in range(2)], (seed, size)


@needs_node
def test_the_same_seed_draws_alike():
    draws = [
        (seed, size, n) for seed in SEEDS[:4] for size in (1, 6, 21, 22, 90, 300) for n in (0, 1, 5, 6, 21, 22, 85)
    ]
    draws = [(seed, size, number) for seed, size, number in draws if number <= size]
    body = """
        return given.map(([seed, size, number]) => {
          const values = Array.from({length: size}, (_, i) => i);
          return new metatrans.model.SeededRandom(seed).sample(values, number);
        });
    """
    for (seed, size, number), found in zip(draws, run_in_node(body, draws), strict=True):
        assert found == random.Random(seed).sample(range(size), number), (seed, size, number)


@needs_node
def test_seeds_that_a_number_can_t_hold_are_refused():
    body = "try { new metatrans.model.SeededRandom(given) } catch (error) { return error.message }"
    assert run_in_node(body, 0.5) == "The seed must be an integer from 0 to 9007199254740991, not 0.5."
    assert run_in_node(body, -1).endswith("not -1.")
