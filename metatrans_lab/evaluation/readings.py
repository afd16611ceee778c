"""A model's distribution of each next token of an episode, averaged over bindings of words to symbols if asked."""

import numpy as np
import torch
from transformers import PreTrainedModel

from dataset_script.episodes import Episodes
from dataset_script.families.contract import Language
from dataset_script.streams import draw_permutations, index_keys


def next_token_log_probabilities(model: PreTrainedModel, episodes: Episodes, num_bindings: int = 0) -> np.ndarray:
    """(N, S − 1, V) float32 log-probabilities of tokens 1…S − 1, normalised over the model's whole vocabulary.

    Right-padded rows need no mask: a causal model's predictions don't depend on what follows.

    Args:
        num_bindings: 0 for the episodes as they are. With n > 0 the model reads each episode n times, each time with
            its words bound to other symbols at random, and its probabilities are averaged.
    """
    tokens = episodes.input_ids.astype(np.int64)  # (N, S)
    if num_bindings == 0:
        return log_probabilities(model, tokens[:, :-1])[..., : episodes.config.vocab_size]
    # (num_bindings, N, V)
    bindings = _draw_bindings(episodes.config, len(tokens) * num_bindings).reshape(num_bindings, len(tokens), -1)
    mean = 0.0
    for binding in bindings:  # (N, V)
        log_q = log_probabilities(model, np.take_along_axis(binding, tokens[:, :-1], axis=1))  # of the bound tokens
        mean = mean + np.exp(np.take_along_axis(log_q, binding[:, None], axis=-1)) / num_bindings  # (N, S − 1, V)
    return np.log(np.maximum(mean, np.finfo(np.float32).tiny))


@torch.no_grad()
def log_probabilities(model: PreTrainedModel, tokens: np.ndarray) -> np.ndarray:
    """(N, S) tokens → (N, S, V) float32 log-probabilities of what follows each, V being the model's vocabulary."""
    input_ids = torch.as_tensor(tokens, device=next(model.parameters()).device)
    return model(input_ids=input_ids, use_cache=False).logits.float().log_softmax(-1).cpu().numpy()


def _draw_bindings(config: Language, number: int) -> np.ndarray:
    """(number, V) int64: random bindings, the symbol of every token. Source words are permuted among themselves, as
    are target words; other tokens are bound to themselves.
    """
    L, R = config.num_source_words, config.num_target_words
    keys = index_keys("metatrans bindings", np.arange(number, dtype=np.int64))
    others = np.broadcast_to(np.arange(L + R, config.vocab_size), (number, config.vocab_size - L - R))
    return np.concatenate([draw_permutations(keys, 0, L), L + draw_permutations(keys, 1, R), others], axis=1)
