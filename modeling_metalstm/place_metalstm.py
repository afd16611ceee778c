"""A token's place in its sentence, by which a layer of type `"…_example"` matches words and translations."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from .loops_metalstm import scanned

ALIKE = 0.9
"""From this cosine on, a vector stands for a token; those of vectors that stand for none are about 0."""


class Marks(NamedTuple):
    """
    Where sentences begin.

    Args:
        starts (`torch.BoolTensor` of shape `(B, S)`): whether a token is `␁`, which opens an example.
        sentences (`torch.BoolTensor` of shape `(B, S)`): whether it is `␁` or `␂`, after which a sentence begins.
        offsets (`torch.LongTensor` of shape `(B, S)`, *optional*): in training, what is added to all places of the
            example that a token opens; None: nothing.
    """

    starts: torch.Tensor
    sentences: torch.Tensor
    offsets: torch.Tensor | None = None

    def places(self, before: torch.Tensor) -> torch.Tensor:
        """
        How many tokens back its sentence's `␁` or `␂` is, for each token: 0 at these themselves.

        Args:
            before (`torch.LongTensor` of shape `(B,)`): the place of the last token before these.

        Returns:
            `(B, S)` integers; with `offsets`, those of each example shifted by its own.
        """
        if self.starts.shape[1] == 1 and self.offsets is None:  # a generated token, with no time for more
            return torch.where(self.sentences, 0, before[:, None] + 1)
        if torch.compiler.is_exporting():  # ONNX has no largest number so far
            return scanned(_count, before, (~self.sentences).to(before.dtype).t())[1].t()
        index = torch.arange(self.starts.shape[1], device=self.starts.device)  # (S,)
        last = torch.where(self.sentences, index, -1).cummax(1).values  # (B, S): of the sentence's mark; -1 is before
        places = torch.where(last < 0, before[:, None] + index + 1, index - last)
        if self.offsets is not None:
            opened = torch.where(self.starts, index, -1).cummax(1).values  # (B, S): of the example's ␁
            places = places + torch.where(opened < 0, 0, self.offsets.take_along_dim(opened.clamp(min=0), dim=1))
        return places


def _count(place: torch.Tensor, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """The next token's place, from that before it, and 0 where a sentence's mark stands, else 1."""
    place = (place + 1) * inputs[0]
    return place, place


def find_marks(tokens: torch.Tensor, start: int, translation: int, max_offset: int = 0) -> Marks:
    """
    The marks of an input.

    Args:
        tokens (`torch.LongTensor` of shape `(B, S)`): the input.
        start, translation (`int`): the tokens `␁` and `␂`.
        max_offset (`int`): the largest offset of an example's places; 0 for none.
    """
    starts, translations = tokens == start, tokens == translation
    return Marks(starts, starts | translations, draw_offsets(tokens, max_offset) if max_offset else None)


def find_marks_of_vectors(vectors: torch.Tensor, embeddings: torch.Tensor, start: int, translation: int) -> Marks:
    """
    The marks of an input of vectors: those that point where a mark's embedding points, and nearer to it than to any
    other token's. Noise on a vector, or another length of it, as attribution makes them, moves no mark.

    Args:
        vectors (`torch.Tensor` of shape `(B, S, D)`): the input.
        embeddings (`torch.Tensor` of shape `(V, D)`): of all tokens.
        start, translation (`int`): the tokens `␁` and `␂`.
    """
    embeddings = F.normalize(embeddings.detach(), dim=-1).to(vectors.dtype)
    alike, nearest = (F.normalize(vectors.detach(), dim=-1) @ embeddings.t()).max(-1)  # (B, S) each
    return find_marks(torch.where(alike > ALIKE, nearest, -1), start, translation)


def draw_offsets(tokens: torch.Tensor, max_offset: int) -> torch.Tensor:
    """
    A number from 0 to `max_offset` for each token, as good as random: a hash of the tokens up to it. So a step of
    training is the same in any number of threads, and when it is done again.

    Args:
        tokens (`torch.LongTensor` of shape `(B, S)`): the tokens.
        max_offset (`int`): the largest number.
    """
    # A polynomial hash, each coefficient a multiple of an odd number modulo 2³¹, and its bits mixed; below 2⁶³.
    index = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
    coefficients = (index * 0x9E3779B1) % (1 << 31)
    read = ((tokens + 1) * coefficients).cumsum(1) % (1 << 31)  # (B, S)
    mixed = ((read ^ (read >> 15)) * 0x2C1B3C6D) % (1 << 31)
    return (mixed ^ (mixed >> 12)) % (max_offset + 1)
