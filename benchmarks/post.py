"""The post's procedures, reimplemented: its generator of sequences and its training loop.

Source: "Meta Sequence Transducer" by Volodymyr Kyrylov, 12 October 2023,
https://proger.github.io/posts/meta/transducer.html
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence


def one_sequence(K: int = 10, L: int = 6, R: int = 6, T: int = 3) -> torch.Tensor:
    """A sequence by the post's procedure, (S,) int64: words are 0-d tensors, looked up and joined in lists."""
    soh, stx = L + R, L + R + 1
    target_words = [[word] for word in torch.randperm(R) + L]
    source_words = [[word] for word in torch.randperm(L)]
    sequence = []
    for sentence in torch.randint(0, L, (K, T)):
        sequence.append(soh)
        for word in sentence:
            sequence += source_words[word]
        sequence.append(stx)
        for word in sentence:
            sequence += target_words[word]
    sequence.append(soh)
    return torch.tensor(sequence)


class Model(nn.Module):
    """Embedding → nn.LSTM → linear head, in float32."""

    def __init__(self, vocab_size: int, embedding_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_size, padding_idx=vocab_size - 1)
        self.lstm = nn.LSTM(embedding_size, hidden_size, num_layers=num_layers, batch_first=True)
        self.head = nn.Linear(hidden_size, vocab_size)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, S) tokens → (B, S, V) logits."""
        return self.head(self.lstm(self.embedding(tokens))[0])


def training_step(
    language: dict[str, int], batch_size: int, embedding_size: int, hidden_size: int, num_layers: int
) -> Callable[[], float]:
    """One step of the post's loop, on a GPU if there is one, with torch's own number of threads.

    Args:
        language: K, L, R, T.

    Returns:
        A function that takes a step and returns the loss.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pad = language["L"] + language["R"] + 2
    model = Model(pad + 1, embedding_size, hidden_size, num_layers).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> float:
        sequences = [one_sequence(**language) for _ in range(batch_size)]
        batch = pad_sequence(sequences, batch_first=True, padding_value=pad).to(device)
        scores = model(batch[:, :-1])
        loss = F.cross_entropy(scores.flatten(0, 1), batch[:, 1:].flatten(), ignore_index=pad)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
