"""The programs of bench/peer_tasks that are ours: right, and no longer than the others (docs/peer_tasks.md)."""
import cotangent as ct
import numpy as np
import pytest
from conftest import ROOT


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "bench" / "peer_tasks"))


def test_the_fit_finds_the_pendulum():
    import pendulum_fit
    import tasks

    @ct.equations(y=(2,), length=0.5, damping=0.1)
    def pendulum(y, length, damping):
        return ct.stack([y[1], -9.81 / length * ct.sin(y[0]) - damping * y[1]])

    run = ct.compile(pendulum, dt=0.01, t_end=10.0, method="rk4", every=10).run(initial={"y": [1.0, 0.0]})
    angles = run.trajectory["y"][:, 0]
    np.testing.assert_allclose(pendulum_fit.fit(tasks.TIMES, angles), [0.5, 0.1], atol=2e-5)
    noisy = angles + 0.05 * np.random.default_rng(1).normal(size=angles.shape)
    np.testing.assert_allclose(pendulum_fit.fit(tasks.TIMES, noisy), [0.5, 0.1], atol=5e-3)


def test_lorenz_has_the_gradient_of_its_variational_equations():
    import lorenz_gradient
    import tasks

    # By SciPy's DOP853 at a tolerance of 1e-13.
    height, slope = 33.9563714026, [59.070582320, 89.743473794, 13.252481668, -7.271376738, -28.185648765, 18.095132273]
    value, gradient = lorenz_gradient.gradient(tasks.START, tasks.PARAMETERS)
    np.testing.assert_allclose(value, height, rtol=1e-5)
    np.testing.assert_allclose(np.concatenate(gradient), slope, rtol=2e-5)
    values, gradients = lorenz_gradient.gradients(tasks.START + np.zeros((3, 1)), tasks.PARAMETERS)
    np.testing.assert_allclose(values, [height] * 3, rtol=1e-5)
    np.testing.assert_allclose(np.concatenate(gradients, axis=1), [slope] * 3, rtol=2e-5)


def test_bodies_move_as_in_numpy():
    import nbody
    import tasks

    m, q, v = tasks.cluster()
    for got, want in zip(nbody.simulator(m, 0.001, 20)(q, v), tasks.leapfrog(m, q, v, 0.001, 20)):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def test_ours_have_no_more_lines():
    import compare
    import tasks

    for case in tasks.CASES:
        count = {who: compare.lines(compare.HERE / f"{name}.py") for who, name in case.programs.items()}
        assert count["Cotangent"] == min(count.values()) > 5, case.name


def test_lines_are_those_with_code(tmp_path):
    import compare

    program = tmp_path / "program.py"
    program.write_text('"""What\nit is."""\n\nx = 1  # one\n# two\n\n\ndef f():\n    """Does."""\n    return [\n        x,\n    ]\n')
    assert compare.lines(program) == 5
