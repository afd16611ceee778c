import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from dataset_script.streams import GAMMA, draw, draw_below, draw_permutations, index_keys, mix64

INDICES = np.arange(20_000, dtype=np.int64)


def test_mix64_is_splitmix64():
    # SplitMix64 seeded with 0 is mix64(γ), mix64(2γ), …; its published first outputs:
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    counters = np.arange(1, 4, dtype=np.int64) * GAMMA
    assert [int(x) & (2**64 - 1) for x in mix64(counters)] == published


@pytest.mark.parametrize("indices", [INDICES[:1000], INDICES[:1000] + 2**40, INDICES[:1]])
def test_numpy_and_torch_give_the_same_integers(indices):
    for function in (
        lambda keys: draw(keys, 3, 7),
        lambda keys: draw_below(keys, 1, 5, 6),
        lambda keys: draw_permutations(keys, 2, 11),
    ):
        in_numpy = function(index_keys("a stream", indices))
        in_torch = function(index_keys("a stream", torch.from_numpy(indices)))
        assert np.array_equal(in_numpy, in_torch.numpy())


@pytest.mark.parametrize("bound", [1, 2, 6, 17])
def test_draw_below_is_uniform(bound):
    numbers = draw_below(index_keys("uniform", INDICES), 1, 3, bound)
    assert numbers.min() >= 0 and numbers.max() < bound
    if bound > 1:
        assert chisquare(np.bincount(numbers.ravel(), minlength=bound)).pvalue > 1e-3


def test_bounds_may_differ_by_row():
    bounds = 1 + INDICES % 6
    numbers = draw_below(index_keys("bounds", INDICES), 1, 4, bounds[:, None])
    assert (numbers < bounds[:, None]).all()
    assert {int(b): int(numbers[bounds == b].max()) for b in range(1, 7)} == {b: b - 1 for b in range(1, 7)}


def test_permutations_are_permutations_and_uniform():
    permutations = draw_permutations(index_keys("permutations", INDICES), 0, 4)
    assert (np.sort(permutations, -1) == np.arange(4)).all()
    _, counts = np.unique(permutations @ np.array([64, 16, 4, 1]), return_counts=True)
    assert len(counts) == 24 and chisquare(counts).pvalue > 1e-3


def test_purposes_and_streams_are_independent():
    a, b = (draw_below(index_keys(name, INDICES), 1, 1, 6)[:, 0] for name in ("one", "two"))
    c = draw_below(index_keys("one", INDICES), 2, 1, 6)[:, 0]
    for other in (b, c):
        assert chisquare(np.bincount(a * 6 + other, minlength=36)).pvalue > 1e-3
