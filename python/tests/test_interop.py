"""Layers of PyTorch and JAX, where these are installed."""
import cotangent as ct
import numpy as np
import pytest


def f(q, k):
    return ct.sum(ct.sin(q) * k), q * 2


def address(x):
    return np.asarray(x).__array_interface__["data"][0]


class TestTorch:
    @pytest.fixture
    def torch(self):
        return pytest.importorskip("torch")

    def test_memory_is_shared_both_ways(self, torch):
        t = torch.arange(6, dtype=torch.float64).reshape(2, 3)
        x = ct.from_dlpack(t)
        assert address(x) == t.data_ptr()
        assert torch.from_dlpack(x * 1).dtype == torch.float64
        y = (x * 2).eval()
        assert torch.from_dlpack(y).data_ptr() == address(y)
        assert ct.asarray(t.to(torch.bfloat16)).dtype is not None
        np.testing.assert_array_equal(ct.asarray(t.T), t.T.numpy())

    def test_a_layer_has_its_gradient(self, torch):
        layer = ct.to_torch(f)
        q = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
        k = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(layer, (q, k))
        total, double = layer(q, k)
        (total + double.sum()).backward()
        np.testing.assert_allclose(q.grad, np.cos(q.detach()) * 1.5 + 2, rtol=1e-14)
        np.testing.assert_allclose(k.grad, np.sin(q.detach()).sum(), rtol=1e-14)

    def test_a_rollout_is_a_layer(self, torch):
        def end(x):
            return ct.fori_loop(0, 20, lambda i, x: 3.7 * x * (1 - x), x)

        x = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
        ct.to_torch(end)(x).backward()
        assert float(x.grad) == pytest.approx(float(ct.grad(end)(0.3)), rel=1e-12)


class TestJax:
    @pytest.fixture
    def jax(self):
        jax = pytest.importorskip("jax")
        jax.config.update("jax_enable_x64", True)
        return jax

    def test_memory_is_shared_both_ways(self, jax):
        y = (ct.arange(1000) * 0.5).eval()
        there = jax.dlpack.from_dlpack(y)
        assert there.unsafe_buffer_pointer() == address(y)
        back = ct.from_dlpack(there)
        assert address(back) == address(y)
        np.testing.assert_array_equal(ct.asarray(jax.numpy.ones(3)), np.ones(3))

    def test_a_layer_has_its_gradient(self, jax):
        layer = ct.to_jax(f)
        q = jax.numpy.array([0.3, -1.0, 2.0])

        def loss(q, k):
            total, double = layer(q, k)
            return total + double.sum()

        for gradient in [jax.grad(loss, (0, 1)), jax.jit(jax.grad(loss, (0, 1)))]:
            by_q, by_k = gradient(q, 1.5)
            np.testing.assert_allclose(by_q, np.cos(q) * 1.5 + 2, rtol=1e-14)
            np.testing.assert_allclose(by_k, np.sin(q).sum(), rtol=1e-14)
        lanes = jax.vmap(loss, (0, None))(jax.numpy.stack([q, 2 * q]), 1.5)
        np.testing.assert_allclose(lanes[1], loss(2 * q, 1.5), rtol=1e-14)


def test_what_is_not_installed_is_said(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ct.UserError, match="torch is not installed"):
        ct.to_torch(f)
