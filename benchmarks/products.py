"""The matrix products of a training step, and nothing else: what it would take if all the rest were free."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch

Layers = list[tuple[str, int, int]]
"""Each layer's type, the length of the vectors that it reads (0: tokens, whose products are a table's), its width."""


def bare_products(
    dtype: torch.dtype, num_parts: int, num_tokens: int, batch_size: int, layers: Layers, num_heads: int = 1
) -> Callable[[], None]:
    """A function that computes the products of one step, forward and backward, of rows that are in `num_parts` parts.

    Args:
        dtype: of all factors.
        num_parts: parts, each of which has a thread.
        num_tokens, batch_size: of the batch.
        layers: of the model, the lowest first.
        num_heads: of its matrix memories.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = batch_size // num_parts

    def part() -> list[Callable[[], object]]:
        products: list[Callable[[], object]] = []
        for kind, input_size, size in layers:
            of_layer = lstm(rows, num_tokens, input_size, size)
            if kind != "lstm":
                of_layer = memory(rows, num_tokens, input_size, size, num_heads)
            for times, number, m, k, n in of_layer:
                products += [_product(dtype, device, number, m, k, n)] * times
        return products

    parts = [part() for _ in range(num_parts)]
    threads = max(1, torch.get_num_threads() // num_parts)
    pool = ThreadPoolExecutor(num_parts, initializer=torch.set_num_threads, initargs=(threads,))

    def multiply(products: list[Callable[[], object]]) -> None:
        for product in products:
            product()

    def step() -> None:
        if num_parts == 1:
            multiply(parts[0])
        else:
            list(pool.map(multiply, parts))
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


Products = Iterator[tuple[int, int, int, int, int]]
"""(times, number, m, k, n): so many times in a row, so many products side by side of (m, k) by (k, n)."""


def linear(rows: int, input_size: int, output_size: int) -> Products:
    """A linear layer: forward, and the gradients of its inputs and of its weights."""
    yield 1, 1, rows, input_size, output_size
    yield 1, 1, rows, output_size, input_size
    yield 1, 1, output_size, rows, input_size


def lstm(rows: int, num_tokens: int, input_size: int, size: int) -> Products:
    """An LSTM: token by token forward and backward, the recurrent weights' gradient, and the inputs' products."""
    yield num_tokens, 1, rows, size, 4 * size
    yield num_tokens, 1, rows, 4 * size, size
    yield 1, 1, 4 * size, num_tokens * rows, size
    if input_size:
        yield from linear(num_tokens * rows, input_size, 4 * size)


def memory(rows: int, num_tokens: int, input_size: int, size: int, num_heads: int) -> Products:
    """A matrix memory that reads all tokens in parallel: its linear layers, and the products of pairs of tokens."""
    yield from linear(rows * num_tokens, input_size, 4 * size)
    yield from linear(rows * num_tokens, input_size, 2 * num_heads)
    yield from linear(rows * num_tokens, size, size)
    if input_size != size:
        yield from linear(rows * num_tokens, input_size, size)
    number, S, d = rows * num_heads, num_tokens, size // num_heads
    # Queries with keys, pairs with values, what is written, what is read of the memory before.
    forward = [(S, d, S), (S, S, d), (d, S, d), (S, d, d)]
    # The gradients of the memory, of the products, of queries, keys and values, by way of pairs and of the memory.
    backward = [(d, S, d), (S, d, S), *[(S, S, d)] * 3, *[(S, d, d)] * 3]
    for m, k, n in [*forward, *backward]:
        yield 1, number, m, k, n


def _product(
    dtype: torch.dtype, device: torch.device, number: int, m: int, k: int, n: int
) -> Callable[[], torch.Tensor]:
    """A function that computes `number` products of (m, k) by (k, n), laid out in memory so."""
    batch = () if number == 1 else (number,)
    a, b = (torch.randn(*batch, *shape, device=device).to(dtype) for shape in ((m, k), (k, n)))
    out = torch.empty(*batch, m, n, device=device, dtype=dtype)
    multiply = torch.mm if number == 1 else torch.bmm
    return lambda: multiply(a, b, out=out)
