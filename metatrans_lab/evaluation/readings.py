"""What a model gives each next token, as it reads episodes; averaged over bindings of words to symbols, if asked."""

import numpy as np
import torch

from dataset_script.episodes import Episodes
from dataset_script.families.contract import Language
from dataset_script.streams import draw_permutations, index_keys


def next_token_log_probabilities(model, episodes: Episodes, num_bindings: int = 0) -> np.ndarray:
    """(N, S − 1, V) float32 log-probabilities of tokens 1…S − 1, normalised over the model's whole vocabulary.

    Right-padded rows need no mask: a causal model's predictions don't depend on what follows.

    Args:
        num_bindings: 0: the model reads the episodes as they are. Else so many times, each time with their words bound
            to other symbols at random, and its probabilities are averaged.
    """
    tokens = episodes.input_ids.astype(np.int64)
    if num_bindings == 0:
        return _log_probabilities(model, tokens[:, :-1])[..., : episodes.config.vocab_size]
    bindings = _draw_bindings(episodes.config, len(tokens) * num_bindings).reshape(num_bindings, len(tokens), -1)
    mean = 0.0
    for binding in bindings:
        log_q = _log_probabilities(model, np.take_along_axis(binding, tokens[:, :-1], axis=1))
        mean = mean + np.exp(np.take_along_axis(log_q, binding[:, None], axis=-1)) / num_bindings
    return np.log(np.maximum(mean, np.finfo(np.float32).tiny))


@torch.no_grad()
def _log_probabilities(model, tokens: np.ndarray) -> np.ndarray:
    input_ids = torch.as_tensor(tokens, device=next(model.parameters()).device)
    return model(input_ids=input_ids, use_cache=False).logits.float().log_softmax(-1).cpu().numpy()


def _draw_bindings(config: Language, number: int) -> np.ndarray:
    """(number, V) int64: for every token the one that it is bound to, source words among themselves, targets too."""
    L, R = config.num_source_words, config.num_target_words
    keys = index_keys("metatrans bindings", np.arange(number, dtype=np.int64))
    others = np.broadcast_to(np.arange(L + R, config.vocab_size), (number, config.vocab_size - L - R))
    return np.concatenate([draw_permutations(keys, 0, L), L + draw_permutations(keys, 1, R), others], axis=1)
