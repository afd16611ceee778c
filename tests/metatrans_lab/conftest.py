import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dataset_script import LanguageConfig, family_probabilities
from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM


class TableModel(torch.nn.Module):
    """A causal LM whose next-token probabilities are a function of the tokens; decodes greedily."""

    def __init__(self, config: LanguageConfig, probabilities):
        super().__init__()
        self.dummy = torch.nn.Parameter(torch.zeros(()))
        self.language, self.probabilities = config, probabilities
        self.config = SimpleNamespace(vocab_size=config.vocab_size)

    def forward(self, input_ids, use_cache=False, **_):
        with np.errstate(divide="ignore"):
            log_p = np.log(self.probabilities(input_ids.numpy()))
        return SimpleNamespace(logits=torch.from_numpy(log_p))

    def generate(self, input_ids, attention_mask, generation_config):
        answers, max_new_tokens = [], generation_config.max_new_tokens
        for row, mask in zip(input_ids, attention_mask, strict=True):
            tokens = row[mask.bool()].tolist()
            for _ in range(max_new_tokens):
                tokens.append(int(self.probabilities(np.array([tokens]))[0, -1].argmax()))
            answers.append(tokens[-max_new_tokens:])
        return torch.cat([input_ids, torch.tensor(answers)], dim=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    """The folder of an untrained model of four words."""
    folder = tmp_path_factory.mktemp("model")
    config = MetaLSTMConfig(embedding_size=8, hidden_size=16, num_source_words=4, num_target_words=4)
    MetaLSTMForCausalLM(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def bayes_model():
    """The family predictor as a model."""
    return lambda config: TableModel(config, lambda tokens: family_probabilities(config, tokens))


@pytest.fixture
def uniform_model():
    def make(config):
        V = config.vocab_size
        return TableModel(config, lambda tokens: np.full((*tokens.shape, V), 1 / V))

    return make


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window, driven by selenium; its logs have what it asks for, and what it complains of."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium isn't here (make test-demo has it)")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("no chromium and chromedriver here")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--disable-background-networking")
    options.add_argument("--disable-component-update")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    opened.set_window_size(1200, 1000)
    yield opened
    opened.quit()
