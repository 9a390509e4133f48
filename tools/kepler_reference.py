#!/usr/bin/env python3
"""Prints tests/mechanics/kepler_reference.h: motions about a centre, to 60 digits, for kepler_flow.

Inputs are doubles. The universal variable is bracketed and bisected, then refined by Newton's method, with sines and
hyperbolic sines of 60 digits; so nothing is shared with the code under test but the equations. "condition" is the
relative change of the result for relative changes of all the inputs by one unit, by differences.

usage: tools/kepler_reference.py > tests/mechanics/kepler_reference.h
"""
import random

import mpmath as mp

mp.mp.dps = 60


def functions(s, beta):
    """G_0 .. G_3"""
    if beta == 0:
        return mp.mpf(1), s, s**2 / 2, s**3 / 6
    w = mp.sqrt(abs(beta))
    if beta > 0:
        g0, g1 = mp.cos(w * s), mp.sin(w * s) / w
    else:
        g0, g1 = mp.cosh(w * s), mp.sinh(w * s) / w
    return g0, g1, (1 - g0) / beta, (s - g1) / beta


def flow(state, k, h):
    r, v = state[:3], state[3:]
    r0 = mp.sqrt(sum(x * x for x in r))
    beta = 2 * k / r0 - sum(x * x for x in v)
    eta = sum(x * y for x, y in zip(r, v))
    zeta = k - beta * r0

    def f(s):
        _, _, g2, g3 = functions(s, beta)
        return r0 * s + eta * g2 + zeta * g3 - h

    low, high, step = mp.mpf(0), mp.mpf(0), h / r0
    if h > 0:
        high = step
        while f(high) < 0:
            high *= mp.mpf("1.5")
    else:
        low = step
        while f(low) > 0:
            low *= mp.mpf("1.5")
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) < 0 else (low, middle)
    s = (low + high) / 2
    for _ in range(30):
        _, g1, g2, _ = functions(s, beta)
        s -= f(s) / (r0 + eta * g1 + zeta * g2)
    _, g1, g2, g3 = functions(s, beta)
    after = r0 + eta * g1 + zeta * g2
    out_r = [x * (1 - k * g2 / r0) + y * (h - k * g3) for x, y in zip(r, v)]
    out_v = [y * (1 - k * g2 / after) - x * k * g1 / (r0 * after) for x, y in zip(r, v)]
    return out_r, out_v


def norm(x):
    return mp.sqrt(sum(y * y for y in x))


def condition(state, k, h):
    base = flow(state, k, h)
    total = [mp.mpf(0), mp.mpf(0)]
    for i in range(8):
        x = list(state) + [k, h]
        x[i] *= 1 + mp.mpf(10) ** -25
        moved = flow(x[:6], x[6], x[7])
        for part in range(2):
            change = norm([a - b for a, b in zip(moved[part], base[part])])
            total[part] += change / norm(base[part]) * mp.mpf(10) ** 25
    return total


def from_elements(e, pericentre, k, anomaly, turn):
    """At a true anomaly, in a plane that is turned."""
    p = pericentre * (1 + e)
    r = p / (1 + e * mp.cos(anomaly))
    x, y = r * mp.cos(anomaly), r * mp.sin(anomaly)
    w = mp.sqrt(k / p)
    u, v = -w * mp.sin(anomaly), w * (e + mp.cos(anomaly))
    c, s = mp.cos(turn), mp.sin(turn)
    tilt = lambda a, b: [c * a - s * b * mp.mpf("0.6"), s * a + c * b * mp.mpf("0.6"), b * mp.mpf("0.8")]
    return tilt(x, y) + tilt(u, v)


def main():
    rng = random.Random(7)
    cases = []
    for e in [0, 1e-9, 0.05, 0.2, 0.5, 0.8, 0.9, 0.99]:
        for share in [1e-6, 0.005, -0.03, 0.1, -0.4, 0.77, 12.3]:
            cases.append((e, share))
    for e in [1.0, 1 - 1e-10, 1 + 1e-10, 1.001, 1.5, 10, 1e5]:
        for share in [1e-5, 0.02, -0.3, 2, -40]:
            cases.append((e, share))
    rows = []
    for e, share in cases:
        pericentre, k = 10 ** rng.uniform(-1, 1), 10 ** rng.uniform(-1, 1)
        largest = 3.0 if e < 1 else 1.5 if e < 2 else 0.5 if e > 100 else 1.2
        state = from_elements(mp.mpf(e), pericentre, mp.mpf(k), rng.uniform(-largest, largest), rng.uniform(0, 6))
        state = [mp.mpf(float(x)) for x in state]
        k = mp.mpf(k)
        if e < 0.999:
            a = 1 / (2 / norm(state[:3]) - norm(state[3:]) ** 2 / k)
            h = share * 2 * mp.pi * mp.sqrt(a**3 / k)
        else:
            h = share * mp.sqrt(pericentre**3 / k)
        h = mp.mpf(float(h))
        r, v = flow(state, k, h)
        rows.append((e, share, state, k, h, r, v, condition(state, k, h)))
    print("// Printed by tools/kepler_reference.py: Kepler motions to 60 digits, rounded to doubles.")
    print("#pragma once\n\n#include <array>\n#include <vector>\n")
    print("namespace cotangent::mechanics::test {\n")
    print("struct KeplerCase {")
    print("  double e, share;  ///< eccentricity; h over the period (over the time at the pericentre)")
    print("  std::array<double, 6> start;\n  double k, h;\n  std::array<double, 6> end;")
    print("  double r_condition, v_condition;\n};\n")
    print("// clang-format off")
    print("inline const std::vector<KeplerCase> kKeplerCases = {")
    text = lambda x: float(x).__repr__()
    for e, share, state, k, h, r, v, c in rows:
        parts = [text(e), text(share), "{" + ", ".join(map(text, state)) + "}", text(k), text(h),
                 "{" + ", ".join(map(text, r + v)) + "}", mp.nstr(c[0], 3), mp.nstr(c[1], 3)]
        print("    {" + ", ".join(parts) + "},")
    print("};\n// clang-format on\n\n}  // namespace cotangent::mechanics::test")


main()
