"""Energies that hold functions with derivatives of their own, and what may jump."""
import pytest

import cotangent as ct


def energy_of(term):
    return ct.hamiltonian(q=[0.5, 0.7, 0.8], p=[0.0, 0.0, 0.0])(
        lambda q, p: {"kinetic": ct.sum(p * p) / 2, "term": term(q)})


def test_an_energy_with_another_gradient_is_refused():
    """Forces are minus the gradient: an energy that lies about it would not be kept."""
    with pytest.raises(ct.UserError, match='"term" holds a stop_gradient') as caught:
        energy_of(lambda q: ct.stop_gradient(q[0]) * q[0]).facts
    assert "rate" in str(caught.value) and "ct.equations" in caught.value.remedy

    def softplus(factor):
        f = ct.custom_jvp(lambda x: ct.log1p(ct.exp(x)))
        f.defjvp(lambda x, dx: (f(*x), factor * dx[0] / (1 + ct.exp(-x[0]))))
        return lambda q: f(q[0])

    with pytest.raises(ct.UserError, match="derivative of its own"):
        ct.compile(energy_of(softplus(2.0)), dt=0.01)
    run = ct.compile(energy_of(softplus(1.0)), dt=0.01, steps=200, method="leapfrog").run()
    assert run.invariants.max_rel_error("energy") < 1e-5
    # What cancels, as the shift of a sum of exponentials does, is right.
    shift = lambda q: ct.stop_gradient(ct.sum(q))  # noqa: E731
    right = energy_of(lambda q: shift(q) + ct.log(ct.sum(ct.exp(q - shift(q)))))
    assert not right.facts["may_jump"].value


MATRIX = lambda q: ct.outer(q, q) + 2 * ct.eye(3)  # noqa: E731


@pytest.mark.parametrize("term, jumps", [
    (lambda q: ct.linalg.solve(MATRIX(q), q) @ q, False),
    (lambda q: ct.linalg.det(MATRIX(q)), False),
    (lambda q: ct.linalg.eigvalsh(MATRIX(q))[0], False),
    (lambda q: ct.linalg.eigh(MATRIX(q))[1][0, 0], True),
    (lambda q: ct.linalg.svd(MATRIX(q))[1][0], False),
    (lambda q: ct.linalg.qr(MATRIX(q))[1][0, 0], False),
    (lambda q: ct.find_root(lambda x: x + 0.1 * ct.sin(x) - q[0], 0.0), False),
    (lambda q: ct.where(q[0] > 0, q[1], 0.0), True),
])
def test_only_what_may_jump_is_said_to(term, jumps):
    assert energy_of(term).facts["may_jump"].value is jumps


def test_a_jump_inside_a_function_with_its_own_derivative_is_seen():
    step = ct.custom_jvp(lambda x: ct.floor(9 * x))
    step.defjvp(lambda x, dx: (step(*x), 0 * dx[0]))
    assert energy_of(lambda q: step(q[0])).facts["may_jump"].value is True
