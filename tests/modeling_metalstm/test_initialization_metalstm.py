import torch

from modeling_metalstm import MetaLSTMConfig, MetaLSTMForCausalLM, MetaLSTMModel


def test_torch_initialisation_is_what_torch_does():
    model = MetaLSTMForCausalLM(MetaLSTMConfig(embedding_size=64, hidden_size=100, num_source_words=200))
    embeddings = model.model.embed_tokens.weight.detach()
    assert not embeddings[model.config.pad_token_id].any()
    assert abs(float(embeddings.std()) - 1) < 0.05
    for parameter in (*model.model.lstm.parameters(), *model.lm_head.parameters()):
        parameter = parameter.detach()
        assert 0.095 < float(parameter.abs().max()) <= 0.1  # uniform up to 1/√hidden_size
        assert abs(float(parameter.std()) / (0.1 / 3**0.5) - 1) < 0.15


def test_our_initialisation_remembers():
    config = MetaLSTMConfig(embedding_size=8, hidden_size=16, num_hidden_layers=2, initialization="metalstm")
    lstm = MetaLSTMModel(config).lstm
    for layer in range(2):
        _, weight_hh, bias_ih, bias_hh = lstm.layer_weights(layer)
        for gate in weight_hh.chunk(4):
            torch.testing.assert_close(gate @ gate.T, torch.eye(16))
        assert (bias_ih + bias_hh).tolist() == [0] * 16 + [1] * 16 + [0] * 32
