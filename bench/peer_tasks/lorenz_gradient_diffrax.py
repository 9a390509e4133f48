"""How the height z of Lorenz's system in the end depends on the start and on the parameters."""

import diffrax
import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


def rates(t, x, parameters):
    sigma, rho, beta = parameters
    return jnp.stack([sigma * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - beta * x[2]])


def height(start, parameters):
    term, solver = diffrax.ODETerm(rates), diffrax.Tsit5()
    options = {"max_steps": 512, "adjoint": diffrax.RecursiveCheckpointAdjoint(checkpoints=512)}
    path = diffrax.diffeqsolve(term, solver, 0.0, 5.0, 0.01, start, parameters, **options)
    return path.ys[-1, 2]


gradient = jax.jit(jax.value_and_grad(height, (0, 1)))
gradients = jax.jit(jax.vmap(jax.value_and_grad(height, (0, 1)), (0, None)))
