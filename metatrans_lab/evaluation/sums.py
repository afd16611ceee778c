"""An evaluation's sums over batches of episodes, and the figures that are computed from them."""

import math
from typing import Any

import numpy as np

from dataset_script.episodes import Episodes, Role, is_scored
from dataset_script.families.contract import Language
from dataset_script.predictor import family_probabilities
from metatrans_lab.evaluation.calibration import Reliability
from metatrans_lab.evaluation.intervals import mean_interval, proportion_interval, ratio

LEAST = -1e4
"""In nats: smaller log-probabilities count as this, so that one impossible token doesn't make a mean infinite."""


class Sums:
    """Sums by episode (for the intervals), by shot (for the curves) and by place in the pair (for the picture).

    Args:
        config: the languages that all episodes are of.
        loss_on: which tokens the model was trained on.
    """

    def __init__(self, config: Language, loss_on: str) -> None:
        self.config, self.loss_on = config, loss_on
        self.columns: dict[str, list[np.ndarray]] = {}  # by figure, of each batch: (2, N) sums and counts by episode
        self.exact: list[np.ndarray] = []  # of each batch: (M,)
        K, places = config.num_pairs, config.length_range[1] + config.max_target_length + 2
        names = ("count", "nll", "bayes_nll", "words", "accuracy", "bayes_accuracy")
        self.by_shot = {name: np.zeros(K) for name in names}  # (K,) each; accuracies are of target words alone
        self.excess_by_shot: list[np.ndarray] = []  # of each batch: (N, K) nats above Bayes
        self.count_by_shot: list[np.ndarray] = []  # of each batch: (N, K) tokens of translations
        self.groups: dict[str, dict[str, list[np.ndarray]]] = {}  # by group, as `columns`
        self.reliability = Reliability()
        self.by_position = np.zeros((3, K, places))  # summed probability of the right token, the optimum's, and count

    def add(self, episodes: Episodes, log_q: np.ndarray, exact: np.ndarray) -> None:
        """Takes a batch in.

        Args:
            episodes: N of them, numpy's.
            log_q: (N, S − 1, V), the model's log-probabilities of tokens 1…S − 1.
            exact: (M,) bool, whether each of the last sentences that were decoded is exactly right.
        """
        tokens = episodes.input_ids[:, 1:].astype(np.int64)  # (N, S − 1), as all that follows, of the predicted tokens
        p = family_probabilities(self.config, episodes.input_ids)[:, :-1]  # (N, S − 1, V)
        # KL from the exact predictor to the model. The bounds keep 0 · log 0 out of the sum, and bound the cost of a
        # token that the model excludes though it is possible.
        divergence = np.sum(p * (np.log(np.maximum(p, 1e-300)) - np.maximum(log_q, LEAST)), axis=-1)  # (N, S − 1)
        log_q_right = np.maximum(np.take_along_axis(log_q, tokens[..., None], -1)[..., 0], LEAST).astype(np.float64)
        right = log_q.argmax(-1) == tokens
        bayes = episodes.bayes_nll[:, 1:].astype(np.float64)
        predicted = np.arange(1, tokens.shape[1] + 1) < episodes.token_counts[:, None]
        word, determined = episodes.is_target[:, 1:], episodes.determined[:, 1:]
        eliminated, end = episodes.eliminated[:, 1:], episodes.is_end[:, 1:]
        target = word | end  # what counts as a translation's
        # The ␁ that ends a pair carries the number of the next one, or −1.
        shot = episodes.shot[:, 1:]
        shot = np.where(end, np.where(shot < 0, self.config.num_pairs, shot) - 1, shot)
        for name, values, mask in (
            ("target_regret", divergence, target),
            ("determined_regret", divergence, determined),
            ("undetermined_regret", divergence, target & ~determined),
            ("target_nll", -log_q_right, target),
            ("target_bayes_nll", bayes, target),
            ("loss", -log_q_right, episodes.scored(self.loss_on)[:, 1:]),
            ("token_regret", divergence, predicted),
            ("token_nll", -log_q_right, predicted),
            ("determined_accuracy", right, determined),
            ("eliminated_accuracy", right, eliminated),
            ("end_accuracy", right, end | episodes.is_blank[:, 1:]),
        ):
            self.columns.setdefault(name, []).append(_sums(values, mask))
        for group, marks in episodes.groups.items():
            columns = self.groups.setdefault(group, {})
            for name, values, mask in (
                ("target_regret", divergence, marks[:, 1:]),
                ("accuracy", right, marks[:, 1:]),
                ("bayes_accuracy", p.argmax(-1) == tokens, marks[:, 1:]),
                ("determined_accuracy", right, marks[:, 1:] & determined),
            ):
                columns.setdefault(name, []).append(_sums(values, mask))
        self.exact.append(exact)
        K = self.config.num_pairs
        of_shot = target[:, None] & (shot[:, None] == np.arange(K)[:, None])  # (N, K, S − 1)
        excess = np.where(target, -log_q_right - bayes, 0.0)
        self.excess_by_shot.append((of_shot @ excess[..., None])[..., 0])  # (N, K)
        self.count_by_shot.append(of_shot.sum(-1))  # (N, K)
        for name, values, mask in (
            ("count", 1.0, target),
            ("nll", -log_q_right, target),
            ("bayes_nll", bayes, target),
            ("words", 1.0, word),
            ("accuracy", right, word),
            ("bayes_accuracy", p.max(-1), word),
        ):
            weights = np.where(mask, values, 0)  # (N, S − 1)
            self.by_shot[name] += np.bincount(shot[mask], weights=weights[mask], minlength=K)
        words = slice(self.config.num_source_words, self.config.soh)
        self.reliability.add(np.exp(log_q[word][:, words]), tokens[word] - words.start)
        self._add_positions(episodes, np.exp(log_q_right), np.exp(-bayes))

    def _add_positions(self, episodes: Episodes, probability: np.ndarray, optimum: np.ndarray) -> None:
        """Adds up by place within the sentence pair: source 1…T, ␂, target 1…T′, and the ␁ that follows.

        Args:
            probability, optimum: (N, S − 1), the model's and the exact predictor's probability of the right token.
        """
        K, T = self.config.num_pairs, self.config.length_range[1]
        role, shot = episodes.role, episodes.shot  # (N, S) each, as all but `columns`
        is_soh, is_stx = role == Role.START, role == Role.TURN
        columns = np.arange(role.shape[1])  # (S,)
        since_soh = columns - np.maximum.accumulate(np.where(is_soh, columns, 0), axis=1)
        since_stx = columns - np.maximum.accumulate(np.where(is_stx, columns, 0), axis=1)
        place = np.where(episodes.is_target, T + since_stx, since_soh - 1)
        last = self.by_position.shape[2] - 1
        place = np.where(is_stx, T, np.where(is_soh, last, place))
        # The ␁ that ends pair k opens pair k + 1, whose shot it carries.
        pair = np.where(is_soh, np.where(shot < 0, K, shot) - 1, shot)
        real = (columns >= 1) & (role != Role.PADDING)
        where = (pair * (last + 1) + place)[real]  # a bin for each pair and place
        shape = self.by_position.shape[1:]
        size = math.prod(shape)
        for row, weights in enumerate((probability[real[:, 1:]], optimum[real[:, 1:]], None)):
            self.by_position[row] += np.bincount(where, weights, minlength=size).reshape(shape)

    def results(self) -> dict[str, Any]:
        """The figures, by the keys of results.json."""
        figures: dict[str, Any] = {}
        intervals: dict[str, list[float] | None] = {}
        for name, parts in self.columns.items():
            sums, counts = np.concatenate(parts, axis=1)  # over all episodes
            interval = proportion_interval if name.endswith("accuracy") else mean_interval
            figures[name], intervals[name] = ratio(sums, counts), interval(sums, counts)
        exact = np.concatenate(self.exact).astype(np.float64)
        figures["exact_match"] = ratio(exact, np.ones_like(exact))
        intervals["exact_match"] = proportion_interval(exact, np.ones_like(exact))
        if not is_scored(Role.SOURCE, self.loss_on):
            figures["token_regret"] = figures["token_nll"] = None
            intervals["token_regret"] = intervals["token_nll"] = None
        count, num_words = self.by_shot["count"], self.by_shot["words"]
        figures["num_exact_match"] = len(exact)
        figures["accuracy_by_shot"] = (self.by_shot["accuracy"] / num_words).tolist()
        figures["bayes_accuracy_by_shot"] = (self.by_shot["bayes_accuracy"] / num_words).tolist()
        figures["nll_by_shot"] = (self.by_shot["nll"] / count).tolist()
        figures["bayes_nll_by_shot"] = (self.by_shot["bayes_nll"] / count).tolist()
        excess, number = np.concatenate(self.excess_by_shot), np.concatenate(self.count_by_shot)
        figures["excess_nll_by_shot"] = (excess.sum(0) / number.sum(0)).tolist()
        intervals_by_shot = [mean_interval(*columns) for columns in zip(excess.T, number.T, strict=True)]
        figures["excess_nll_by_shot_intervals"] = intervals_by_shot
        *totals, number = self.by_position
        for name, total in zip(("probability", "bayes_probability"), totals, strict=True):
            figures[f"{name}_by_position"] = np.where(number > 0, total / np.maximum(number, 1), 0).tolist()
        figures["reliability"] = self.reliability.results()
        figures["intervals"] = intervals
        if self.groups:
            figures["groups"] = {group: _figures_of(columns) for group, columns in self.groups.items()}
        figures["num_eval_episodes"] = sum(part.shape[1] for part in self.columns["target_nll"])
        return figures


def _sums(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(2, N): the sums of the values of the mask by episode, and how many they are."""
    return np.stack([np.where(mask, values, 0).sum(1), mask.sum(1)]).astype(np.float64)


def _figures_of(columns: dict[str, list[np.ndarray]]) -> dict[str, Any]:
    """A group's figures, with their number of tokens and the intervals."""
    figures: dict[str, Any] = {"intervals": {}}
    for name, parts in columns.items():
        sums, counts = np.concatenate(parts, axis=1)
        interval = proportion_interval if name.endswith("accuracy") else mean_interval
        figures[name], figures["intervals"][name] = ratio(sums, counts), interval(sums, counts)
        figures.setdefault("num_tokens", int(counts.sum()))
    return figures
