"""The length and the damping of a pendulum, from noisy angles."""

import cotangent as ct


def rates(y, unknown):
    length, damping = unknown
    return ct.stack([y[1], -9.81 / length * ct.sin(y[0]) - damping * y[1]])


@ct.jit
def fit(times, angles):
    h = (times[1] - times[0]) / 3

    def misfit(unknown):
        def rk4(i, y):
            a = rates(y, unknown)
            b = rates(y + h / 2 * a, unknown)
            c = rates(y + h / 2 * b, unknown)
            return y + h / 6 * (a + 2 * b + 2 * c + rates(y + h * c, unknown))

        def advance(y, angle):
            return ct.fori_loop(0, 3, rk4, y), (y[0] - angle) ** 2

        return ct.mean(ct.scan(advance, ct.array([1.0, 0.0]), angles)[1])

    def adam(k, fitted):
        unknown, m, s = fitted
        slope = ct.grad(misfit)(unknown)
        m, s = 0.9 * m + 0.1 * slope, 0.999 * s + 0.001 * slope**2
        step = m / (1 - 0.9 ** (k + 1)) / (ct.sqrt(s / (1 - 0.999 ** (k + 1))) + 1e-8)
        return unknown - 0.02 * step, m, s

    return ct.fori_loop(0, 500, adam, (ct.array([0.8, 0.0]), ct.zeros(2), ct.zeros(2)))[0]
