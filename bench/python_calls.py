"""What a call from Python costs beside what it computes, and how soon a system runs.

    python bench/python_calls.py [--write]

Run by bench/run_python. Prints the table of docs/python.md; --write puts it there. Each figure is the
least of several rounds: other work only adds.
"""
import argparse
import os
import pathlib
import time

os.environ["COTANGENT_CACHE"] = "off"  # compiled anew each time

import cotangent as ct  # noqa: E402
import numpy as np  # noqa: E402

ROUNDS = 1000
PAGE = pathlib.Path("docs/python.md")
KEPLER, PLANETS = "examples/kepler.toml", "examples/outer_solar_system.toml"


def least(call, times, rounds=ROUNDS):
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(times):
            call()
        best = min(best, (time.perf_counter() - began) / times)
    return best


def calls(path):
    """(A call of flow.step beside its steps, a step, a whole run of one step), in seconds; a step by
    20 against 220."""
    flow = ct.compile(path)
    q, p = flow.system.initial["q"], flow.run(steps=0).p
    at = {n: least(lambda n=n: flow.step(q, p, steps=n), 10, 3000) for n in (20, 220)}
    step = (at[220] - at[20]) / 200
    return at[20] - 20 * step, step, least(lambda: flow.run(q, p, steps=1, progress=False), 5, 1000)


def from_a_file(path):
    """Loaded, compiled, a step."""
    return least(lambda: ct.compile(ct.load(path)).run(steps=1, progress=False), 1, 10)


def from_a_function(path):
    """The same bodies as a function, traced, compiled, a step."""
    system = ct.load(path)
    m, G = system.parameters["m"], float(system.parameters["G"])
    q, p = system.initial["q"], ct.compile(system).run(steps=0).p

    def made():
        @ct.hamiltonian(q=q, p=p, G=G, m=m)
        def bodies(q, p, G, m):
            pair = lambda a, b: G * a["m"] * b["m"] / ct.norm(a["q"] - b["q"])
            kinetic = ct.vmap(lambda p, m: ct.dot(p, p) / (2 * m))
            return {"kinetic": ct.sum(kinetic(p, m)), "gravity": -ct.pair_sum(pair, {"m": m, "q": q})}

        return ct.compile(bodies, dt=10.0, order=4).run(steps=1, progress=False)

    return least(made, 1, 10)


def copies():
    """Memory that looking at a trajectory takes."""
    flow = ct.compile(PLANETS, every=1)
    run = flow.run(progress=False)
    q = run.trajectory.q
    same = q.__array_interface__["data"][0] == run.trajectory.q.__array_interface__["data"][0]
    print(f"a trajectory of {q.nbytes / 1e6:.0f} MB: {'a view' if same else 'COPIED'}, "
          f"{least(lambda: run.trajectory.q, 20) * 1e6:.2f} us to look at")
    assert same and not q.flags.owndata
    assert np.isfinite(q).all()


def table():
    kepler, planets = calls(KEPLER), calls(PLANETS)
    us = lambda t: f"{t * 1e6:.2g} us"
    ms = lambda t: f"{t * 1e3:.0f} ms"
    rows = [
        ("", "Kepler", "outer solar system"),
        ("---",) * 3,
        ("a call of `flow.step` beside its steps", us(kepler[0]), us(planets[0])),
        ("a step of the order-6 and order-4 methods chosen", us(kepler[1]), us(planets[1])),
        ("`flow.run(q0, p0, steps=1)`, with samples, monitors and hash", us(kepler[2]), us(planets[2])),
        ("from the file to the first step", ms(from_a_file(KEPLER)), ms(from_a_file(PLANETS))),
        ("from a function of Python (`ct.hamiltonian`) to the first step", "", ms(from_a_function(PLANETS))),
    ]
    lines = ["| " + " | ".join(r) + " |" if r[0] != "---" else "|---|---|---|" for r in rows]
    return "\n".join(lines).replace("|  |", "| |") + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench/run_python", description=__doc__)
    parser.add_argument("--write", action="store_true", help="the table into docs/python.md")
    given = parser.parse_args()
    text = table()
    print(text)
    copies()
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        start = page.index("| | Kepler | outer solar system |")
        PAGE.write_text(page[:start] + text + page[page.index("\n\n", start) + 1:], encoding="utf-8")
