"""Bodies that attract each other, by leapfrog."""

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


def simulator(m, dt, steps):
    def acceleration(q):
        d = q.T[:, None, :] - q.T[:, :, None]
        r2 = jnp.sum(d**2, axis=0) + jnp.eye(len(m))
        return jnp.sum(m / (r2 * jnp.sqrt(r2)) * d, axis=-1).T

    def step(i, state):
        q, v, a = state
        v = v + dt / 2 * a
        q = q + dt * v
        a = acceleration(q)
        return q, v + dt / 2 * a, a

    @jax.jit
    def simulate(q, v):
        return jax.lax.fori_loop(0, steps, step, (q, v, acceleration(q)))[:2]

    return simulate
