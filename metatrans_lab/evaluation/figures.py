"""Any causal language model, measured against the Bayes optimum on episodes it has never seen.

All figures are in nats, over the tokens named. A target word is *determined* if its source word was translated
earlier in the episode, *eliminated* if not, but only one target word is left.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from transformers import GenerationConfig

from dataset_script.bayes import bayes_nll, family_probabilities
from dataset_script.episodes import IGNORE, Episodes, sample_episodes
from dataset_script.languages import LanguageConfig
from dataset_script.streams import draw_permutations, index_keys
from metatrans_lab.errors import UserError
from metatrans_lab.evaluation.calibration import Reliability

Z = 1.959964  # of a 95% interval

RAGGED_MAX_LENGTH = 11 * (2 * 5 + 2) + 1
"""Tokens of the longest prompt and answer that `ragged_exact_match` draws."""


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


def _draw_bindings(config: LanguageConfig, number: int) -> np.ndarray:
    """(number, V) int64: for every token the one that it is bound to, source words among themselves, targets too."""
    L, R = config.num_source_words, config.num_target_words
    keys = index_keys("metatrans bindings", np.arange(number, dtype=np.int64))
    others = np.broadcast_to(np.arange(L + R, config.vocab_size), (number, config.vocab_size - L - R))
    return np.concatenate([draw_permutations(keys, 0, L), L + draw_permutations(keys, 1, R), others], axis=1)


@torch.no_grad()
def last_sentences_exact(model, episodes: Episodes, at_most: int | None = None) -> np.ndarray:
    """Greedy `generate()` of each episode's last translation and the closing ␁: (M,) bool, exact or not.

    Only the M episodes count in which all words of that sentence were translated before; of them the first `at_most`.
    """
    config, tokens = episodes.config, episodes.input_ids
    device = next(model.parameters()).device
    exact = []
    last = (episodes.shot == config.num_pairs - 1) & episodes.is_target
    lengths = last.sum(1)
    askable = (last & ~episodes.determined).sum(1) == 0
    if at_most is not None:
        askable &= askable.cumsum() <= at_most
    for length in np.unique(lengths[askable]):
        rows = np.flatnonzero(askable & (lengths == length))
        prompt_lengths = episodes.token_counts[rows] - 1 - length
        width = int(prompt_lengths.max())
        columns = np.arange(width) - (width - prompt_lengths)[:, None]  # left-padded: negative on padding
        prompts = np.where(columns >= 0, tokens[rows[:, None], np.maximum(columns, 0)], config.pad)
        answers = tokens[rows[:, None], prompt_lengths[:, None] + np.arange(length + 1)]
        generated = model.generate(
            input_ids=torch.as_tensor(prompts, dtype=torch.long, device=device),
            attention_mask=torch.as_tensor(columns >= 0, dtype=torch.long, device=device),
            # Whatever the model's folder says of decoding, this is greedy.
            generation_config=GenerationConfig(
                max_new_tokens=int(length) + 1, eos_token_id=config.soh, pad_token_id=config.pad
            ),
        )
        generated = generated[:, width:].cpu().numpy()
        if generated.shape[1] <= length:  # every row closed before its time
            exact.append(np.zeros(len(rows), bool))
        else:
            exact.append((generated == answers).all(1))
    return np.concatenate(exact) if exact else np.zeros(0, bool)


def ragged_exact_match(model, language: LanguageConfig, num_prompts: int = 1000, split: str = "test") -> dict:
    """Exact match on prompts as people type them: 2–10 examples, sentences of 1–5 words, 2–6 words in use.

    Every word of the question occurs in some example. Numbers of examples come up equally often.

    Returns:
        `ragged_exact_match`, the fraction of answers exactly right with their closing ␁; `num_ragged_prompts`; and its
        95% `interval`.
    """
    exact = []
    most = min(6, language.num_source_words)
    for num_examples in range(2, 11):
        wanted = num_prompts * (num_examples - 1) // 9 - num_prompts * (num_examples - 2) // 9
        knobs = {"num_pairs": num_examples + 1, "sentence_length": (1, 5), "num_active_words": (min(2, most), most)}
        episodes = sample_episodes(replace(language, **knobs), range(6 * wanted + 60), split)
        exact.append(last_sentences_exact(model, episodes, at_most=wanted))
    exact = np.concatenate(exact).astype(np.float64)
    return {
        "ragged_exact_match": float(exact.mean()),
        "num_ragged_prompts": len(exact),
        "interval": _proportion_interval(exact, np.ones_like(exact)),
    }


def evaluate(
    model,
    language: LanguageConfig,
    split: str = "test",
    num_episodes: int = 8192,
    loss_on: str = "all",
    exact_match: bool = True,
    batch_size: int = 512,
    num_bindings: int = 0,
) -> dict:
    """Figures of a causal LM whose tokens are `language`'s; the keys are those of results.json.

    Args:
        model: anything with `model(input_ids=…).logits`, and `generate()` if exact_match is asked for.
        split: with `held_out_languages`, "validation" and "test" have lexicons that training never saw.
        loss_on: what the model was trained on; after "targets", `token_regret` is None.
        batch_size: episodes a forward pass.
        num_bindings: as of `next_token_log_probabilities`; `exact_match` is of the episodes as they are.

    Raises:
        UserError: the model has fewer tokens than the language.
    """
    if model.config.vocab_size < language.vocab_size:
        raise UserError(
            f"the model knows {model.config.vocab_size} tokens, but {language.num_source_words} source and "
            f"{language.num_target_words} target words need {language.vocab_size}"
        )
    was_training = model.training
    model.eval()
    sums = _Sums(language, loss_on)
    for episodes in _batches(language, split, num_episodes, batch_size):
        exact = last_sentences_exact(model, episodes) if exact_match else np.zeros(0, bool)
        sums.add(episodes, next_token_log_probabilities(model, episodes, num_bindings), exact)
    model.train(was_training)
    return sums.results()


def evaluate_words(
    predict: Callable[[Episodes], np.ndarray],
    language: LanguageConfig,
    split: str = "test",
    num_episodes: int = 8192,
    batch_size: int = 512,
) -> dict:
    """Figures of anything that tells how probable each target word is; the keys are those of `evaluate`.

    Of other tokens nothing is asked: they cost nothing, and `token_regret` is None.

    Args:
        predict: episodes → (N, K, T, R), the distribution of every target word before it comes; whatever beyond a
            sentence's length. See `dataset_script.baselines`.
        language, split, num_episodes, batch_size: as of `evaluate`.
    """
    sums = _Sums(language, "targets")
    words = slice(language.num_source_words, language.soh)
    for episodes in _batches(language, split, num_episodes, batch_size):
        tokens = episodes.input_ids[:, 1:].astype(np.int64)
        probabilities = np.zeros((*tokens.shape, language.vocab_size))
        np.put_along_axis(probabilities, tokens[..., None], 1.0, axis=-1)
        is_target = episodes.is_target[:, 1:]
        probabilities[is_target] = 0.0
        probabilities[is_target, words] = predict(episodes)[episodes.in_sentence]
        with np.errstate(divide="ignore"):
            log_q = np.log(probabilities)
        # Greedy decoding says a sentence exactly if, told all words before, it would say each of them right.
        last = (episodes.shot == language.num_pairs - 1)[:, 1:] & is_target
        askable = (last & ~episodes.determined[:, 1:]).sum(1) == 0
        sums.add(episodes, log_q, ((log_q.argmax(-1) == tokens) | ~last).all(1)[askable])
    return sums.results()


def _batches(language: LanguageConfig, split: str, num_episodes: int, batch_size: int) -> Iterator[Episodes]:
    for first in range(0, num_episodes, batch_size):
        yield sample_episodes(language, range(first, min(first + batch_size, num_episodes)), split)


class _Sums:
    """What is added up over batches: per-episode sums for the intervals, per-shot sums for the curves."""

    def __init__(self, config: LanguageConfig, loss_on: str):
        self.config, self.loss_on = config, loss_on
        self.columns: dict[str, list[np.ndarray]] = {}
        self.exact: list[np.ndarray] = []
        K, T = config.num_pairs, config.length_range[1]
        self.by_shot = {name: np.zeros(K) for name in ("count", "nll", "bayes_nll", "accuracy", "bayes_accuracy")}
        self.excess_by_shot: list[np.ndarray] = []  # (N, K) nats above Bayes, and target words, by episode
        self.count_by_shot: list[np.ndarray] = []
        self.reliability = Reliability()
        self.by_position = np.zeros((2, K, 2 * T + 2))  # summed probability of the right token, and count

    def add(self, episodes: Episodes, log_q: np.ndarray, exact: np.ndarray) -> None:
        tokens = episodes.input_ids[:, 1:].astype(np.int64)
        p = family_probabilities(self.config, episodes.input_ids)[:, :-1]
        # A model may give a token probability 0 only where Bayes does; the floor keeps 0 · log 0 out of the sum.
        divergence = np.sum(p * (np.log(np.maximum(p, 1e-300)) - np.maximum(log_q, -1e4)), axis=-1)
        log_q_right = np.take_along_axis(log_q, tokens[..., None], -1)[..., 0].astype(np.float64)
        right = log_q.argmax(-1) == tokens
        bayes = bayes_nll(episodes)[:, 1:].astype(np.float64)
        predicted = np.arange(1, tokens.shape[1] + 1) < episodes.token_counts[:, None]
        target, determined = episodes.is_target[:, 1:], episodes.determined[:, 1:]
        eliminated, shot = episodes.eliminated[:, 1:], episodes.shot[:, 1:]
        for name, values, mask in (
            ("target_regret", divergence, target),
            ("determined_regret", divergence, determined),
            ("undetermined_regret", divergence, target & ~determined),
            ("target_nll", -log_q_right, target),
            ("target_bayes_nll", bayes, target),
            ("loss", -log_q_right, episodes.labels(self.loss_on)[:, 1:] != IGNORE),
            ("token_regret", divergence, predicted),
            ("token_nll", -log_q_right, predicted),
            ("determined_accuracy", right, determined),
            ("eliminated_accuracy", right, eliminated),
        ):
            self.columns.setdefault(name, []).append(
                np.stack([np.where(mask, values, 0).sum(1), mask.sum(1)]).astype(np.float64)
            )
        self.exact.append(exact)
        K = self.config.num_pairs
        of_shot = target[:, None] & (shot[:, None] == np.arange(K)[:, None])  # (N, K, S − 1)
        excess = np.where(target, -log_q_right - bayes, 0.0)
        self.excess_by_shot.append((of_shot @ excess[..., None])[..., 0])
        self.count_by_shot.append(of_shot.sum(-1))
        for name, values in (
            ("count", 1.0),
            ("nll", -log_q_right),
            ("bayes_nll", bayes),
            ("accuracy", right),
            ("bayes_accuracy", p.max(-1)),
        ):
            weights = np.where(target, values, 0)
            self.by_shot[name] += np.bincount(shot[target], weights=weights[target], minlength=K)
        words = slice(self.config.num_source_words, self.config.soh)
        self.reliability.add(np.exp(log_q[target][:, words]), tokens[target] - words.start)
        self._add_positions(episodes, np.exp(log_q_right))

    def _add_positions(self, episodes: Episodes, probability: np.ndarray) -> None:
        """Averages by place within the sentence pair: source 1…T, ␂, target 1…T, and the ␁ that follows."""
        K, T = self.config.num_pairs, self.config.length_range[1]
        tokens, shot = episodes.input_ids, episodes.shot
        is_soh = (tokens == self.config.soh) & (np.arange(tokens.shape[1]) < episodes.token_counts[:, None])
        is_stx = tokens == self.config.stx
        columns = np.arange(tokens.shape[1])
        since_soh = columns - np.maximum.accumulate(np.where(is_soh, columns, 0), axis=1)
        since_stx = columns - np.maximum.accumulate(np.where(is_stx, columns, 0), axis=1)
        place = np.where(episodes.is_target, T + since_stx, since_soh - 1)
        place = np.where(is_stx, T, np.where(is_soh, 2 * T + 1, place))
        # The ␁ that ends pair k opens pair k + 1, whose shot it carries.
        pair = np.where(is_soh, np.where(shot < 0, K, shot) - 1, shot)
        real = (columns >= 1) & (columns < episodes.token_counts[:, None])
        where = (pair * (2 * T + 2) + place)[real]
        shape = self.by_position.shape[1:]
        size = math.prod(shape)
        for row, weights in enumerate((probability[real[:, 1:]], None)):
            self.by_position[row] += np.bincount(where, weights, minlength=size).reshape(shape)

    def results(self) -> dict:
        figures, intervals = {}, {}
        for name, parts in self.columns.items():
            sums, counts = np.concatenate(parts, axis=1)
            interval = _proportion_interval if name.endswith("accuracy") else _mean_interval
            figures[name], intervals[name] = _ratio(sums, counts), interval(sums, counts)
        exact = np.concatenate(self.exact).astype(np.float64)
        figures["exact_match"] = _ratio(exact, np.ones_like(exact))
        intervals["exact_match"] = _proportion_interval(exact, np.ones_like(exact))
        if self.loss_on == "targets":
            figures["token_regret"] = figures["token_nll"] = None
            intervals["token_regret"] = intervals["token_nll"] = None
        count = self.by_shot["count"]
        figures["num_exact_match"] = len(exact)
        figures["accuracy_by_shot"] = (self.by_shot["accuracy"] / count).tolist()
        figures["bayes_accuracy_by_shot"] = (self.by_shot["bayes_accuracy"] / count).tolist()
        figures["nll_by_shot"] = (self.by_shot["nll"] / count).tolist()
        figures["bayes_nll_by_shot"] = (self.by_shot["bayes_nll"] / count).tolist()
        excess, number = np.concatenate(self.excess_by_shot), np.concatenate(self.count_by_shot)
        figures["excess_nll_by_shot"] = (excess.sum(0) / number.sum(0)).tolist()
        intervals_by_shot = [_mean_interval(*columns) for columns in zip(excess.T, number.T, strict=True)]
        figures["excess_nll_by_shot_intervals"] = intervals_by_shot
        total, number = self.by_position
        figures["probability_by_position"] = np.where(number > 0, total / np.maximum(number, 1), 0).tolist()
        figures["reliability"] = self.reliability.results()
        figures["intervals"] = intervals
        figures["num_eval_episodes"] = sum(part.shape[1] for part in self.columns["target_nll"])
        return figures


def _ratio(sums: np.ndarray, counts: np.ndarray) -> float | None:
    return float(sums.sum() / counts.sum()) if counts.sum() else None


def _residual_variance(sums: np.ndarray, counts: np.ndarray) -> float:
    """Variance of the ratio Σ sums / Σ counts over episodes (linearised): tokens of one episode aren't independent."""
    residuals = sums - sums.sum() / counts.sum() * counts
    return float(len(sums) / max(len(sums) - 1, 1) * (residuals**2).sum() / counts.sum() ** 2)


def _mean_interval(sums: np.ndarray, counts: np.ndarray) -> list[float] | None:
    if not counts.sum():
        return None
    half = Z * math.sqrt(_residual_variance(sums, counts))
    mean = sums.sum() / counts.sum()
    return [float(mean - half), float(mean + half)]


def _proportion_interval(sums: np.ndarray, counts: np.ndarray) -> list[float] | None:
    """Wilson's interval, which stays honest near 1, for as many independent trials as the clustering leaves."""
    n = counts.sum()
    if not n:
        return None
    p = sums.sum() / n
    if 0 < p < 1:
        n /= max(_residual_variance(sums, counts) / (p * (1 - p) / n), 1)
    else:  # nothing went wrong (or right) that could tell how tokens hang together: an episode counts once
        n = (counts > 0).sum()
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return [float(max(centre - half, 0)), float(min(centre + half, 1))]
