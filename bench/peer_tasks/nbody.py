"""Bodies that attract each other, by leapfrog."""

import cotangent as ct


def simulator(m, dt, steps):
    @ct.hamiltonian(q=(len(m), 3), m=m)
    def bodies(q, p, m):
        pair = lambda a, b: a["m"] * b["m"] / ct.norm(a["q"] - b["q"])
        return {"T": ct.sum(p**2 / (2 * m[:, None])), "V": -ct.pair_sum(pair, {"m": m, "q": q})}

    flow = ct.compile(bodies, dt=dt, steps=steps, every=steps, method="leapfrog")

    def simulate(q, v):
        run = flow.run(q, v0=v)
        return run.q, run.v

    return simulate
