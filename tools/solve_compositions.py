#!/usr/bin/env python3
"""Solves the order conditions of symmetric compositions of leapfrog, and prints their residuals.

A symmetric method of order 2 with step h is exp(h X1 + h^3 X3 + h^5 X5 + ...), with X1, X3, ... free
and not commuting. Its composition with steps g_1 h .. g_s h has order r when the product of these
exponentials equals exp(h X1) through h^r. We expand the product in words over X1, X3, X5, X7 (the
weight of a word is the sum of its indices), so the conditions are: the coefficient of every word of
weight <= r is that of exp(X1). The starting digits below are those of the literature; Newton's method
with minimal correction (pseudo-inverse) refines them to the working precision, so a wrong digit
would show as a large correction.

usage: tools/solve_compositions.py [--cpp]      # --cpp prints the table of composition.cpp
"""
import sys
from functools import lru_cache

import mpmath as mp

mp.mp.dps = 50

# name, order, g_1 .. g_ceil(s/2) (the rest by symmetry), number of stages, source
STARTS = [
    ("yoshida6", 6, 7, ["0.78451361047755726382", "0.23557321335935813368",
                        "-1.17767998417887100695", "1.31518632068391121889"]),
    ("kahanli6", 6, 9, ["0.39216144400731413928", "0.33259913678935943860",
                        "-0.70624617255763935981", "0.08221359629355080023",
                        "0.79854399093482996340"]),
    ("suzukiumeno8", 8, 15, ["0.74167036435061295345", "-0.40910082580003159400",
                             "0.19075471029623837995", "-0.57386247111608226666",
                             "0.29906418130365592384", "0.33462491824529818378",
                             "0.31529309239676659663", "-0.79688793935291635402"]),
    ("kahanli8", 8, 17, ["0.13020248308889008088", "0.56116298177510838456",
                         "-0.38947496264484728641", "0.15884190655515560090",
                         "-0.39590389413323757734", "0.18453964097831570709",
                         "0.25837438768632204729", "0.29501172360931029887",
                         "-0.60550853383003451170"]),
]


@lru_cache(None)
def words(weight):
    """All words over 1, 3, 5, 7 of this weight."""
    if weight == 0:
        return [()]
    return [(c,) + w for c in (1, 3, 5, 7) if c <= weight for w in words(weight - c)]


def stage(g, order):
    """Coefficients of exp(sum g^c X_c) through weight `order`, by word."""
    out = {}
    for weight in range(order + 1):
        for w in words(weight):
            out[w] = g**weight / mp.factorial(len(w))
    return out


def product(a, b, order):
    out = {}
    for weight in range(order + 1):
        for w in words(weight):
            out[w] = sum(a[w[:k]] * b[w[k:]] for k in range(len(w) + 1))
    return out


def residual(half, stages, order):
    gamma = list(half) + list(half[: stages - len(half)])[::-1]
    total = stage(gamma[0], order)
    for g in gamma[1:]:
        total = product(total, stage(g, order), order)
    return [total[w] - (1 / mp.factorial(len(w)) if set(w) <= {1} else mp.mpf(0))
            for weight in range(1, order + 1) for w in words(weight)]


def pseudo_inverse_step(jacobian, r):
    u, s, v = mp.svd_r(jacobian)
    step = mp.matrix(jacobian.cols, 1)
    for k in range(len(s)):
        if s[k] > s[0] * mp.mpf(10) ** -20:
            c = sum(u[i, k] * r[i] for i in range(len(r))) / s[k]
            for j in range(jacobian.cols):
                step[j] += c * v[k, j]
    return step


def refine(half, stages, order):
    x = [mp.mpf(h) for h in half]
    for _ in range(4):
        r = residual(x, stages, order)
        eps = mp.mpf(10) ** -25
        columns = []
        for j in range(len(x)):
            y = list(x)
            y[j] += eps
            columns.append([(b - a) / eps for a, b in zip(r, residual(y, stages, order))])
        jacobian = mp.matrix(len(r), len(x))
        for j, c in enumerate(columns):
            for i, value in enumerate(c):
                jacobian[i, j] = value
        step = pseudo_inverse_step(jacobian, r)
        x = [a - step[j] for j, a in enumerate(x)]
    return x


def solved():
    root = 2 ** (mp.mpf(1) / 3)
    yield "yoshida4", 4, 3, None, [1 / (2 - root), -root / (2 - root)]
    root = 4 ** (mp.mpf(1) / 3)
    yield "suzuki4", 4, 5, None, [1 / (4 - root), 1 / (4 - root), -root / (4 - root)]
    for name, order, stages, digits in STARTS:
        yield name, order, stages, digits, refine(digits, stages, order)


def main():
    cpp = "--cpp" in sys.argv
    for name, order, stages, digits, x in solved():
        worst = max(abs(r) for r in residual(x, stages, order))
        moved = max((abs(mp.mpf(d) - a) for d, a in zip(digits, x)), default=0) if digits else 0
        print(("// " if cpp else "") +
              f"{name}: order {order}, {stages} stages, residual {mp.nstr(worst, 3)}, "
              f"digits moved by {mp.nstr(mp.mpf(moved), 3)}")
        for a in x:
            print("    " + mp.nstr(a, 25) + ("," if cpp else ""))


if __name__ == "__main__":
    main()
