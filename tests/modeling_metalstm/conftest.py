import pytest
import torch

from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make_model():
    """A small model in evaluation mode; weights are scaled up so that a difference in the inputs shows."""

    def make(dtype=torch.float32, scale=2.0, **config):
        shape = {"embedding_size": 12, "hidden_size": 16, "num_hidden_layers": 2}
        model = MetaLSTMForCausalLM(MetaLSTMConfig(**(shape | config))).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(scale)
        return model.to(dtype)

    return make
