"""A small model and its page, which tests share."""

import pytest
import torch

from metatrans_lab.export.page import export_page
from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A model of nine words that says anything, and the folder of its page."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("small")
    layers = {"embedding_size": 12, "hidden_size": 16, "num_heads": 2, "layer_types": ["lstm", "mlstm_example"]}
    model = MetaLSTMForCausalLM(MetaLSTMConfig(**layers, num_source_words=9, num_target_words=9)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    model.save_pretrained(folder / "model")
    export_page(str(folder / "model"), folder / "page")
    return model, folder / "page"
