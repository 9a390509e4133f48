import json

import cotangent as ct
import numpy as np
import pytest


def test_it_is_the_command_lines(examples, cli):
    path = examples / "outer_solar_system.toml"
    flow = ct.compile(str(path), steps=200)
    g = flow.gradient("norm(q[1] - q[0])", ["q", "v", "G", "m"])
    said = json.loads(cli("grad", path, "--of", "norm(q[1] - q[0])", "--wrt", "q,v,G,m", "--json",
                          "--quiet", "--set", "run.steps=200").stdout)
    assert g.value == said["value"] and g.status == "finished" and g.policy == said["policy"]
    assert list(g) == ["q", "v", "G", "m"] and len(g) == 4
    for name in g:
        np.testing.assert_array_equal(g[name], said["grad"][name])
    assert g["v"].shape == (6, 3) and g["G"].shape == () and not g["v"].flags.writeable
    assert g.digits == said["horizon"]["digits"] and g.lost_at is None
    assert "by G" in repr(g) and "<pre>" in g._repr_html_()


def test_against_differences(pendulum):
    flow = ct.compile(pendulum, order=4)
    g = flow.gradient("q[0]", ("q", "length"), steps=300)
    h = 1e-5

    def end(q, length=0.5):
        other = ct.compile(pendulum, order=4, overrides={"parameters.length": length})
        return float(other.run([q], steps=300).q[0])

    assert g.value == end(1.0)
    assert g["q"][0] == pytest.approx((end(1 + h) - end(1 - h)) / (2 * h), rel=1e-8)
    assert g["length"] == pytest.approx((end(1, 0.5 + h) - end(1, 0.5 - h)) / (2 * h), rel=1e-7)


def test_other_parameters_without_compiling_again(pendulum):
    """Exact: what a system with those values gives."""
    flow = ct.compile(pendulum, order=4)
    g = flow.gradient("q[0]", ("q", "length"), steps=300)
    longer = flow.gradient("q[0]", ("q", "length"), steps=300, parameters={"length": 0.6})
    assert len(flow._gradients) == 1 and longer.value != g.value
    other = ct.compile(pendulum, order=4, overrides={"parameters.length": 0.6})
    want = other.gradient("q[0]", ("q", "length"), steps=300)
    assert (longer.value, float(longer["length"])) == (want.value, float(want["length"]))
    assert flow.gradient("q[0]", ("q", "length"), steps=300).value == g.value
    with pytest.raises(ct.UserError, match="(?s)no real parameter 'len'.*length"):
        flow.gradient("q[0]", "q", parameters={"len": 0.6})
    with pytest.raises(ct.UserError, match="'length' is"):
        flow.gradient("q[0]", "q", parameters={"length": [0.6, 0.7]})


def test_of_a_mean_and_from_elsewhere(pendulum):
    flow = ct.compile(pendulum)
    mean = flow.gradient("angle", "q", at="mean", every=10)
    run = flow.run()
    assert mean.value == pytest.approx(run.observables["angle"].mean(), rel=1e-13)
    assert flow.gradient("angle", "q", q0=[0.3]).value == flow.run([0.3]).q[0]
    compiled = len(flow._gradients)
    flow.gradient("angle", "q", q0=[0.4])
    assert len(flow._gradients) == compiled


def test_policies(pendulum):
    few = ct.compile(pendulum, gradient={"policy": "checkpoints", "budget": "100 kB"})
    all_kept = ct.compile(pendulum, gradient={"policy": "all"})
    a, b = few.gradient("angle", "q"), all_kept.gradient("angle", "q")
    assert (a.policy, b.policy) == ("checkpoints", "all")
    assert a.kept_bytes <= 100_000
    np.testing.assert_array_equal(a["q"], b["q"])


def test_refusals(pendulum, examples):
    flow = ct.compile(pendulum)
    for wrong, says in ((("q[0]", "x"), "x"), (("q[0] +", "q"), "expression|operand|end"),
                        (("nothing", "q"), "nothing")):
        with pytest.raises(ct.UserError, match=says):
            flow.gradient(*wrong)
    with pytest.raises(ct.UserError, match="no place"):
        flow.gradient("q[0]", "q", at="start")
    with pytest.raises(ct.UserError, match="ensemble"):
        ct.compile(str(examples / "kepler_ensemble.toml"), steps=2).gradient("energy", "q")


def test_lost_digits_are_said(examples):
    flow = ct.compile(str(examples / "lorenz.toml"), t_end=100.0)
    with pytest.warns(ct.RunWarning, match="lost its digits"):
        g = flow.gradient("x", "x")
    assert g.lost_at is not None and 10 < g.lost_at < 100


def test_check_grad(pendulum, examples):
    check = ct.check_grad(pendulum.with_overrides({"run.steps": 50}), "angle")
    assert check and check.verdict == "pass" and check.reason == ""
    assert [row.way for row in check.rows] == ["reverse", "forward", "differences", "dot product"]
    assert all(row.worst <= row.tolerance for row in check.rows)
    assert repr(check).startswith("check_grad: pass")
    assert ct.check_grad(ct.compile(str(examples / "kepler.toml")), steps=30)
    lost = ct.compile(str(examples / "lorenz.toml"), t_end=100.0).check_grad("x", "x", components=1)
    assert not lost and lost.verdict != "pass" and lost.reason
