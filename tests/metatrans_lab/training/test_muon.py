from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from metatrans_lab.training.muon import Muon, orthogonalize


@pytest.mark.parametrize("shape", [(8, 8), (24, 8), (8, 24), (4, 16, 16)])
def test_singular_values_come_near_one(shape):
    torch.manual_seed(0)
    u, s, v = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    matrices = u @ torch.diag_embed(torch.linspace(0.2, 1, s.shape[-1]).expand_as(s)) @ v
    values = torch.linalg.svdvals(orthogonalize(matrices))
    assert values.min() > 0.6 and values.max() < 1.3
    # They keep their directions: what is left of U and V is near the identity.
    assert (
        torch.dist(u.mT @ orthogonalize(matrices) @ v.mT, torch.diag_embed(torch.ones_like(s)))
        < 0.3 * s.numel() ** 0.5
    )


@pytest.mark.parametrize("shape", [(12, 12), (16, 6), (6, 16)])
def test_one_block_is_torch_s_muon(shape):
    torch.manual_seed(0)
    start, gradients = torch.randn(shape), torch.randn(5, *shape)
    results = []
    for optimizer_class in (Muon, torch.optim.Muon):
        parameter = torch.nn.Parameter(start.clone())
        optimizer = optimizer_class([parameter], lr=0.02, momentum=0.9, weight_decay=0.1)
        for gradient in gradients:
            parameter.grad = gradient.clone()
            optimizer.step()
        results.append(parameter.detach())
    # Torch's iterates in bfloat16, ours too where the processor multiplies it, in another order of operations.
    torch.testing.assert_close(results[0], results[1], atol=2e-3, rtol=0)
    assert (results[0] - start).abs().max() > 0.01


@pytest.mark.parametrize("native", [True, False])
def test_iterations_are_in_the_arithmetic_that_the_processor_has(monkeypatch, native):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    torch.manual_seed(0)
    result = orthogonalize(torch.randn(6, 6))
    assert result.dtype == torch.float32
    assert torch.equal(result, result.bfloat16().float()) == native


def test_blocks_are_orthogonalised_on_their_own():
    torch.manual_seed(0)
    whole = torch.nn.Parameter(torch.randn(12, 3))
    parts = [torch.nn.Parameter(part.clone()) for part in whole.detach().chunk(4)]
    whole.grad = torch.randn(12, 3)
    for part, gradient in zip(parts, whole.grad.chunk(4), strict=True):
        part.grad = gradient.clone()
    Muon([whole], blocks=4).step()
    Muon(parts).step()
    torch.testing.assert_close(whole.detach(), torch.cat([part.detach() for part in parts]), atol=1e-3, rtol=0)


def test_threads_change_nothing():
    results = []
    for num_threads in (None, 1, 2, 3):
        torch.manual_seed(0)
        parameters = [torch.nn.Parameter(torch.randn(32, 8)) for _ in range(3)] + [
            torch.nn.Parameter(torch.randn(5, 7))
        ]
        groups = [{"params": parameters[:3], "blocks": 4}, {"params": parameters[3:], "blocks": 1}]
        pool = None if num_threads is None else ThreadPoolExecutor(num_threads)
        optimizer = Muon(groups, pool=pool)
        for _ in range(3):
            for parameter in parameters:
                parameter.grad = torch.randn_like(parameter)
            optimizer.step()
        results.append([parameter.detach() for parameter in parameters])
    for other in results[2:]:
        assert all(torch.equal(a, b) for a, b in zip(results[1], other, strict=True))
    for a, b in zip(results[0], results[1], strict=True):
        torch.testing.assert_close(a, b, atol=2e-3, rtol=0)


@pytest.mark.parametrize("parameter, blocks", [(torch.zeros(4), 1), (torch.zeros(6, 3), 4)])
def test_what_is_no_matrix_of_such_blocks_is_refused(parameter, blocks):
    with pytest.raises(ValueError, match="Muon takes matrices with rows in"):
        Muon([torch.nn.Parameter(parameter)], blocks=blocks)
