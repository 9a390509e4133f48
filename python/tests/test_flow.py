import concurrent.futures
import multiprocessing
import pickle

import cotangent as ct
import numpy as np
import pytest


def test_keywords_are_the_keys_of_run(pendulum, examples):
    flow = ct.compile(pendulum, dt=0.01, steps=30, order=6, every=10)
    assert (flow.plan.dt, flow.plan.steps, flow.plan.order, flow.plan.every) == (0.01, 30, 6, 10)
    assert flow.run().steps == 30
    assert ct.compile(pendulum, method="leapfrog").plan.method == "leapfrog"
    assert ct.compile(pendulum, splitting="yoshida4").plan.method == "yoshida4"
    assert ct.compile(pendulum, precision="compensated", order=4,
                      compensated=["q"]).plan.precision == "compensated"
    assert ct.compile(pendulum, precision="lattice", lattice={"q": 1e-12, "p": 1e-12}).run().steps
    assert ct.compile(pendulum, method="dopri5", tolerance={"rtol": 1e-6, "atol": 1e-9}).run().steps
    planets = ct.compile(str(examples / "outer_solar_system.toml"), order=2, steps=10,
                         method="wisdom_holman", coordinates="democratic", corrector=0)
    assert planets.plan.method == "wisdom_holman"
    by_accuracy = ct.compile(pendulum, accuracy=1e-6)
    assert by_accuracy.run().invariants.max_rel_error("energy") < 1e-6
    chain = ct.compile(str(examples / "coupled_pendulums.toml"), steps=10)
    assert chain.run().status == "finished"


def test_refusals_name_the_fact_or_the_key(pendulum):
    for wrong, says in (({"order": 7}, "no method of order 7"), ({"dt": -1.0}, "positive"),
                        ({"method": "leapfog"}, "leapfrog"), ({"dt": 0.3, "t_end": 1.0}, "whole"),
                        ({"method": "leapfrog", "tolerance": 1e-9}, "tolerance"),
                        ({"observe": {"q": "q[0]"}}, "q")):
        with pytest.raises(ct.UserError, match=says):
            ct.compile(pendulum, **wrong)


def test_explain_is_what_the_command_line_prints(examples, cli):
    path = str(examples / "henon_heiles.toml")
    assert ct.compile(path).explain() == cli("explain", path).stdout
    assert ct.load(path).explain() == cli("explain", path).stdout
    text = ct.compile(path, trajectory=False).explain(show=["program", "kernels"])
    assert text == cli("explain", path, "--show=program,kernels").stdout
    assert "<pre>" in text._repr_html_()
    with pytest.raises(ct.UserError, match="kernels"):
        ct.compile(path).explain(show=["kernel"])


def test_the_plan_and_its_reasons(pendulum):
    flow = ct.compile(pendulum)
    choices = {d.decision: d for d in flow.plan.decisions}
    assert choices["splitting"].reason.startswith("H = T(p) + V(q), proved")
    assert "rkn4" in repr(flow.plan) and "<table>" in flow.plan._repr_html_()
    assert "rkn4" in repr(flow) and "<table>" in flow._repr_html_()


def test_where_it_starts(pendulum, examples):
    flow = ct.compile(pendulum)
    plain = flow.run()
    assert flow.run(q0=[1.0], p0=[0.0]).state_hash == plain.state_hash
    assert flow.run(q0=np.array([1], dtype=np.float32)).state_hash == plain.state_hash
    assert flow.run(initial={"q": [1.0]}).state_hash == plain.state_hash
    assert flow.run(q0=[0.5]).state_hash != plain.state_hash
    solar = ct.compile(str(examples / "outer_solar_system.toml"), steps=20)
    q, v = solar.system.initial["q"], solar.system.initial["v"]
    p = solar.run(steps=0).p
    assert len({solar.run().state_hash, solar.run(q, v0=v).state_hash,
                solar.run(q, p).state_hash}) == 1
    reversed_order = np.asfortranarray(q)
    assert solar.run(reversed_order, p).state_hash == solar.run(q, p).state_hash
    for wrong, says in (({"q0": [1.0, 2.0]}, r"'q' has the shape \[2\]"),
                        ({"p0": [0.0], "v0": [0.0]}, "both p and v"),
                        ({"initial": {"x": 1.0}}, "no part 'x'"), ({"steps": -1}, "negative")):
        with pytest.raises(ct.UserError, match=says):
            flow.run(**wrong)


def test_runs_go_on_where_others_ended(pendulum):
    flow = ct.compile(pendulum, method="leapfrog")
    first = flow.run(steps=400)
    assert flow.run(first.q, first.p, 600).state_hash == flow.run(steps=1000).state_hash
    back = flow.run(first.q, first.p, 400, reverse=True)
    np.testing.assert_allclose(back.q, [1.0], rtol=0, atol=1e-13)


def test_more_to_observe(pendulum):
    flow = ct.compile(pendulum)
    run = flow.run(observe={"height": "-length*cos(q[0])",
                            "speed": {"expr": "abs(v[0])", "every": 250}}, every=100)
    assert run.state_hash == flow.run().state_hash
    assert run.observables["height"].shape == (11,)
    assert run.observables.steps("speed").tolist() == [0, 250, 500, 750, 1000]
    np.testing.assert_allclose(run.observables["height"],
                               -0.5 * np.cos(run.observables["angle"]), rtol=1e-14)
    assert list(flow.run().observables) == ["angle"]
    assert flow._with({"height": "-length*cos(q[0])"}, 100) is flow._with(
        {"height": "-length*cos(q[0])"}, 100)


@pytest.mark.parametrize("how", [{"method": "leapfrog"}, {"order": 8}, {"method": "dopri5"},
                                 {"method": "implicit_midpoint"}, {"precision": "compensated"}])
def test_steps_have_the_bits_of_a_run(pendulum, how):
    flow = ct.compile(pendulum, **how)
    run = flow.run(steps=37)
    q, p = flow.step(np.array([1.0]), np.array([0.0]), steps=37)
    np.testing.assert_array_equal(q, run.q)
    np.testing.assert_array_equal(p, run.p)
    assert q.flags.writeable and q.flags.owndata is False


def test_steps_of_other_systems(examples, pendulum):
    flow = ct.compile(str(examples / "lorenz.toml"))
    run = flow.run(steps=25)
    end = flow.step(*flow.system.initial.values(), steps=25)
    assert [float(x) for x in end] == [float(run.final[name]) for name in flow.system.state_names]
    linear = ct.compile(str(examples / "fput_chain.toml"), steps=10)
    q, p = linear.step(linear.system.initial["q"], linear.run(steps=0).p, steps=10)
    np.testing.assert_array_equal(q, linear.run().q)
    for arguments, says in ((([1.0],), "the whole state"), (([1.0, 2.0], [0.0, 0.0]), "shape"),
                            (([np.nan], [0.0]), "not finite")):
        with pytest.raises(ct.UserError, match=says):
            ct.compile(pendulum).step(*arguments)


def test_large_trajectories_are_refused_before_anything_is_computed(pendulum):
    flow = ct.compile(pendulum, every=1)
    with pytest.raises(ct.UserError, match=r"(?s)GB.*trajectory=False"):
        flow.run(steps=10**12)


def test_warnings_of_the_plan():
    from conftest import PENDULUM

    system = ct.System.from_text(PENDULUM.replace("cos(q[0])", "floor(q[0])"))
    with pytest.warns(ct.RunWarning, match="floor"):
        ct.compile(system)


def test_arguments_of_compile(pendulum, tmp_path):
    hashes = {ct.compile(pendulum, threads=n).run().state_hash for n in (1, 2)}
    assert len(hashes) == 1
    with pytest.raises(ct.UserError, match="pentium"):
        ct.compile(pendulum, cpu="pentium")
    with pytest.raises(ValueError, match="interrupt"):
        ct.compile(pendulum).run(interrupt="later")


@pytest.mark.parametrize("wrong, says, remedy", [
    (lambda flow: ct.compile(lambda q, p: q), "a function is no system", "ct.hamiltonian"),
    (lambda flow: ct.compile(5), "int is no system", "ct.load"),
    (lambda flow: ct.compile(flow.system, observe={"r": lambda q: q[0]}), "'r' is a function", "observe="),
    (lambda flow: flow.run(observe={"r": lambda q: q[0]}), "'r' is a function", "observe="),
    (lambda flow: flow.gradient(lambda q: q[0], wrt="q"), "a function", "observe="),
    (lambda flow: flow.gradient("q[0]", wrt=[0]), "0", "names"),
    (lambda flow: flow.step([1.0], [0.0], steps=1.5), "steps is 1.5", "whole"),
    (lambda flow: flow.step([1.0], [0.0], steps=None), "steps is None", "whole"),
    (lambda flow: flow.run(steps=1.5), "steps is 1.5", "whole"),
    (lambda flow: flow.gradient("q[0]", wrt="q", steps="7"), "steps is '7'", "whole"),
])
def test_arguments_of_the_wrong_kind_are_refused_with_what_to_do(pendulum, wrong, says, remedy):
    flow = ct.compile(pendulum)
    with pytest.raises(ct.UserError, match=says) as caught:
        wrong(flow)
    assert remedy in caught.value.remedy
    assert flow.step([1.0], [0.0], steps=np.int32(1))[0].shape == (1,)


def test_wrong_options_point_at_the_call(pendulum):
    with pytest.raises(ct.UserError, match="dt is -1") as caught:
        ct.compile(pendulum, dt=-1, steps=3)
    where = caught.value.where.splitlines()
    assert where[0].startswith(f"{__file__}:") and "dt=-1" in where[1]
    assert where[2:] == ["    run.dt=-1", "           ^~"]


def test_flows_and_runs_go_to_other_processes(pendulum):
    flow = ct.compile(pendulum, dt=0.01, steps=30, every=10, observe={"x": "sin(q[0])"})
    again = pickle.loads(pickle.dumps(flow))
    assert again.plan.method == flow.plan.method
    run, other = flow.run(q0=[0.7]), again.run(q0=[0.7])
    assert run.state_hash == other.state_hash
    sent = pickle.loads(pickle.dumps(run))
    assert sent.state_hash == run.state_hash and sent.status == run.status
    assert np.array_equal(sent.trajectory.q, run.trajectory.q)
    assert np.array_equal(sent.observables["x"], run.observables["x"])
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        runs = list(pool.map(flow.run, [[0.1], [0.7]]))
    assert runs[1].state_hash == run.state_hash
