import json

import cotangent as ct
import numpy as np
import pytest
from conftest import PENDULUM

EXAMPLES = ["outer_solar_system", "kepler", "figure_eight", "henon_heiles", "coupled_pendulums",
            "lorenz", "logistic_map", "rigid_body", "kepler_ensemble"]


def test_what_a_system_says(examples):
    system = ct.load(examples / "outer_solar_system.toml")
    assert system.title == "Outer solar system"
    assert (system.form, system.shape, system.state_names) == ("canonical", (6, 3), ["q", "p"])
    assert system.terms == ["kinetic", "gravity"]
    assert system.observables == ["jupiter_distance", "lz"]
    assert system.parameters["m"].shape == (6,) and system.parameters["G"].shape == ()
    assert set(system.initial) == {"q", "v"} and system.initial["q"].shape == (6, 3)
    assert "kinetic" in repr(system.facts) and "6 x 3" in repr(system)
    assert "Outer solar system" in system._repr_html_()


def test_facts(pendulum):
    facts = pendulum.facts
    assert facts["separable"] and facts["separable"].how == "proved"
    assert facts["separable"].derivation
    assert not facts["linear"]
    assert "separable" in facts and "no_such" not in facts
    assert facts[0] is list(facts)[0] and len(facts) > 5
    with pytest.raises(KeyError):
        facts["no_such"]
    assert "<table>" in facts._repr_html_()


def test_overrides_are_those_of_the_command_line(examples, cli):
    values = {"run.steps": 50, "parameters.G": 3e-4, "run.order": 2, "observe.every": 5}
    system = ct.load(examples / "outer_solar_system.toml", values)
    run = ct.compile(system).run()
    said = json.loads(cli("run", examples / "outer_solar_system.toml", "--json", "--quiet",
                          "--set", "run.steps=50", "--set", "parameters.G=3e-4",
                          "--set", "run.order=2", "--set", "observe.every=5").stdout)
    assert run.state_hash == said["state_hash"]
    np.testing.assert_array_equal(run.q, said["final"]["q"])
    np.testing.assert_array_equal(run.observables["jupiter_distance"],
                                  said["observables"]["jupiter_distance"]["value"])
    assert run.to_dict()["invariants"] == said["invariants"]


def test_values_of_every_kind():
    text = PENDULUM.replace("length = 0.5", "length = 0.5\nm = [1.0, 2.0]")
    system = ct.System.from_text(text, {
        "parameters.m": np.array([3.0, 1 / 3]), "title": 'a "quoted"\\ título\n',
        "run.tolerance": {"rtol": 1e-9, "atol": np.float64(1e-12)}, "run.method": "dopri5",
        "observe.every": np.int64(7)})
    assert system.parameters["m"].tolist() == [3.0, 1 / 3]
    assert system.title == 'a "quoted"\\ título\n'
    with pytest.raises(ct.UserError, match="which a system file cannot hold"):
        ct.System.from_text(text, {"run.dt": object()})


def test_errors_keep_their_parts(pendulum):
    with pytest.raises(ct.UserError) as caught:
        ct.System.from_text(PENDULUM.replace("q[0])", "r[0])"), name="my.toml")
    error = caught.value
    assert isinstance(error, ValueError)
    assert "r" in error.what and error.where.startswith("my.toml:7:") and "^" in error.where
    assert error.remedy and error.what in str(error)
    with pytest.raises(ct.UserError, match="(?s)no parameter 'lenght'.*did you mean 'length'"):
        pendulum.with_overrides({"parameters.lenght": 1.0})
    with pytest.raises(ct.UserError, match="no_such"):
        ct.load("no_such.toml")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_system_as_text(examples, name, tmp_path, cli):
    """Facts, plan and bits of a system that goes through to_toml, with and without overrides."""
    for overrides in ({}, {"run.steps": 40} if name != "kepler_ensemble" else {"run.steps": 3}):
        system = ct.load(examples / f"{name}.toml", overrides)
        path = tmp_path / "copy.toml"
        text = system.to_toml(path)
        assert path.read_text(encoding="utf-8") == text
        if not overrides:
            assert text == (examples / f"{name}.toml").read_text(encoding="utf-8")
        copy = ct.System.from_text(text)
        said = [(f.name, f.term, f.value, f.how, f.detail) for f in system.facts]
        assert [(f.name, f.term, f.value, f.how, f.detail) for f in copy.facts] == said
        flow, other = ct.compile(system, steps=20), ct.compile(copy, steps=20)
        assert repr(other.plan) == repr(flow.plan)
        hashes = {flow.run().state_hash, other.run().state_hash}
        path.write_text(other.system.to_toml(), encoding="utf-8")
        hashes.add(json.loads(cli("run", path, "--json", "--quiet").stdout)["state_hash"])
        assert len(hashes) == 1


def test_text_with_overrides_leaves_out_what_has_no_effect(pendulum):
    text = pendulum.with_overrides({"run.steps": 7}).to_toml()
    assert "steps = 7" in text and "t_end" not in text and "#" not in text
    steps = ct.System.from_text(pendulum.with_overrides({"run.steps": 3500}).to_toml())
    text = steps.with_overrides({"run.accuracy": 1e-6}).to_toml()
    assert "accuracy" in text and "dt = " not in text and "t_end = 3.5" in text
    with pytest.raises(ct.UserError):
        pendulum.with_overrides({"run.steps": 0})


def test_data_files_are_found_beside_the_file(tmp_path):
    (tmp_path / "places.csv").write_text("1.0\n")
    text = PENDULUM.replace("q = [1.0]", 'q = {file = "places.csv"}')
    system = ct.System.from_text(text, folder=tmp_path)
    assert system.initial["q"].tolist() == [1.0]
    assert 'file = "places.csv"' in system.with_overrides({"run.steps": 5}).to_toml()
    with pytest.raises(ct.UserError, match="places.csv"):
        ct.System.from_text(text)


def test_units(examples):
    text = PENDULUM.replace("[energy]", "[units]\nlength = \"m\"\n[energy]").replace(
        "length = 0.5", "length = \"0.5 m\"").replace("g = 9.81", "g = \"9.81 m/s^2\"")
    try:
        system = ct.System.from_text(text)
    except ct.UserError as error:  # the energy lacks a mass: said with its place
        assert error.where
        return
    assert system.units["t"] == "s"


def test_explain_of_a_refused_plan():
    text = PENDULUM.replace('gravity = "-g*length*cos(q[0])"', 'gravity = "p[0] * cos(q[0])"')
    system = ct.System.from_text(text, {"run.method": "leapfrog"})
    assert "refused" in system.explain() and "separable" in system.explain()
    with pytest.raises(ct.UserError, match="mixes q and p"):
        ct.compile(system)
