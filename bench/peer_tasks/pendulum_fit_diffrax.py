"""The length and the damping of a pendulum, from noisy angles."""

import diffrax
import jax
import jax.numpy as jnp
import optax

jax.config.update("jax_enable_x64", True)


def rates(t, y, unknown):
    length, damping = unknown
    return jnp.stack([y[1], -9.81 / length * jnp.sin(y[0]) - damping * y[1]])


@jax.jit
def fit(times, angles):
    adam, term, solver = optax.adam(0.02), diffrax.ODETerm(rates), diffrax.Tsit5()
    span = times[0], times[-1], times[1] - times[0]
    keep_all = diffrax.RecursiveCheckpointAdjoint(checkpoints=128)
    options = {"saveat": diffrax.SaveAt(ts=times), "max_steps": 128, "adjoint": keep_all}

    def misfit(unknown):
        y = jnp.array([1.0, 0.0])
        path = diffrax.diffeqsolve(term, solver, *span, y, unknown, **options)
        return jnp.mean((path.ys[:, 0] - angles) ** 2)

    def improve(k, fitted):
        unknown, state = fitted
        updates, state = adam.update(jax.grad(misfit)(unknown), state)
        return optax.apply_updates(unknown, updates), state

    start = jnp.array([0.8, 0.0])
    return jax.lax.fori_loop(0, 500, improve, (start, adam.init(start)))[0]
