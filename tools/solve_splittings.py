#!/usr/bin/env python3
"""Finds splittings: solves their order conditions from random starts, and keeps the best.

  tools/solve_splittings.py search ROW [--starts N] [--seed S]   look for better solutions of a row
  tools/solve_splittings.py row ROW        solve one row again from its own random start
  tools/solve_splittings.py table [--out FILE]   all rows, as mechanics/splitting_table.inc

A row is a kind of step (tools/splitting_algebra.py), an order and a number of stages. A start is
numbered: its numbers are uniform around 1/stages, from the generator splitmix64 of a seed and the
start's number. Levenberg-Marquardt steps of least length take it to a solution; where there are more unknowns than conditions, the norm of the
leading error is then made least on the manifold of solutions; the free unknowns are rounded (to six
decimals but where a row says otherwise), and Newton's method gives the others to 60 digits. `row` is that, for the start that was
kept, so every digit of the table follows from a seed.

The error constant is the Euclidean norm of the coefficients of the Lyndon words of the first
weight that is not right, as a step of kicks and drifts; the effective error is stages times its
order-th root: the step that one force evaluation pays for. Needs numpy, scipy and mpmath (gmpy2
makes it faster).
"""
import argparse
import time
from dataclasses import dataclass

import mpmath as mp
import numpy as np
from scipy.linalg import qr
from scipy.optimize import minimize

from splitting_algebra import Algebra

mp.mp.dps = 60
ALGEBRAS = {}


def algebra(alphabet, weight):
    key = alphabet, weight
    if key not in ALGEBRAS:
        ALGEBRAS[key] = Algebra(alphabet, weight)
    return ALGEBRAS[key]


MASK = (1 << 64) - 1


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def uniforms(seed, start, n):
    state = mix((seed * 0x9E3779B97F4A7C15 + mix(start + 1)) & MASK)
    out = []
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        out.append((mix(state) >> 11) * 2.0**-53)
    return np.array(out)


@dataclass(frozen=True)
class Row:
    name: str
    alphabet: str  # x, tv or rkn
    order: int
    stages: int
    seed: int = 0
    start: int = 0
    spread: float = 0.3
    gradients: tuple = ()  # kicks (of the first half) that have a force gradient
    processor: int = 0     # exponentials of a processor: kick, drift, ...; none is longer than a step
    decimals: int = 6      # those that free unknowns are rounded to
    source: str = ""       # of a row that is somebody's

    def weights(self):
        """Those with conditions: a symmetric step has the odd ones, a processed one all."""
        return range(1, self.order + 1) if self.processor else range(1, self.order, 2)

    def depth(self):
        return self.order if self.processor else self.order - 1

    def layout(self):
        """[(letter, unknown, factor)] of the whole step, and the number of unknowns."""
        if self.alphabet == "x":
            s = self.stages
            return [("X", min(k, s - 1 - k), 1) for k in range(s)], (s + 1) // 2
        last = 2 * self.stages
        n = self.stages + 1
        out = []
        for k in range(last + 1):
            half = min(k, last - k)
            out.append(("A" if k % 2 else "B", half, 1))
            if half in [2 * g for g in self.gradients]:
                out.append(("C", n + self.gradients.index(half // 2), 1))
        n += len(self.gradients)
        before = [("A" if k % 2 else "B", n + k, 1) for k in range(self.processor)]
        after = [(letter, which, -1) for letter, which, _ in reversed(before)]
        return before + out + after, n + self.processor

    def random(self, seed, start):
        _, n = self.layout()
        x = 1 / self.stages + self.spread * (2 * uniforms(seed, start, n) - 1)
        if self.alphabet != "x":
            x[0] /= 2
        kernel = self.stages + 1
        if self.gradients:
            x[kernel:kernel + len(self.gradients)] *= 0.1
        if self.processor:
            x[-self.processor:] -= 1 / self.stages
        return x


def solve_many(row, x, rounds=300):
    """Levenberg-Marquardt with steps of least length from many starts: x [unknowns, batch]."""
    a = algebra(row.alphabet, row.depth())
    matrix, target, chosen = a.select(row.weights())
    layout, n = row.layout()
    # Conditions of high weight are small numbers: scaled, they steer too.
    scales = np.array([2.0 ** (c[0] - 1) for c in chosen])
    matrix, target = matrix * scales[:, None], target * scales

    def value(x, derivatives=True):
        s = a.series(layout, x, derivatives)
        flat = matrix @ s.reshape(len(s), -1)
        return flat.reshape(len(matrix), -1, x.shape[1])

    mu = np.full(x.shape[1], 1e-2)
    with np.errstate(all="ignore"):
        f = value(x)
        r = f[:, 0] - target[:, None]
        norm = np.linalg.norm(r, axis=0)
        for _ in range(rounds):
            j = np.moveaxis(f[:, 1:], 2, 0)  # [batch, conditions, unknowns]
            jjt = j @ np.swapaxes(j, 1, 2)
            diag = (mu * norm)[:, None, None] * np.eye(len(target))
            bad = ~np.isfinite(jjt).all(axis=(1, 2)) | ~np.isfinite(norm)
            jjt[bad] = np.eye(len(target))
            right = np.where(bad[:, None], 0, r.T)[:, :, None]
            try:
                solved = np.linalg.solve(jjt + diag, right)
            except np.linalg.LinAlgError:
                ridge = 1e-14 * np.trace(jjt, axis1=1, axis2=2) + 1e-30
                solved = np.linalg.solve(jjt + diag + ridge[:, None, None] * np.eye(len(target)),
                                         right)
            step = (np.swapaxes(j, 1, 2) @ solved)[:, :, 0]
            length = np.linalg.norm(step, axis=1)
            step *= np.minimum(1, 0.5 / np.maximum(length, 1e-300))[:, None]
            step = np.where(np.isfinite(step), step, 0)
            y = x - step.T
            fy = value(y)
            ry = fy[:, 0] - target[:, None]
            ny = np.linalg.norm(ry, axis=0)
            better = ny < norm
            x = np.where(better, y, x)
            f = np.where(better, fy, f)
            r = np.where(better, ry, r)
            norm = np.where(better, ny, norm)
            mu = np.clip(np.where(better, mu / 5, mu * 4), 1e-12, 1e6)
            if (norm < 1e-13).all():
                break
    return x, norm


def as_split(row, x):
    """Kicks and drifts of a row's step, as (alphabet-tv layout, coefficients)."""
    layout, _ = row.layout()
    if row.alphabet != "x":
        return layout, x
    g = [x[which] for _, which, _ in layout]
    b = [g[0] / 2] + [(p + q) / 2 for p, q in zip(g, g[1:])] + [g[-1] / 2]
    seq = [None] * (2 * len(g) + 1)
    seq[0::2], seq[1::2] = b, g
    return [("A" if k % 2 else "B", k, 1) for k in range(len(seq))], np.array(seq)


def error_constants(row, x):
    """Norms of the leading error, of the free algebra (nan for rkn) and of the rkn one."""
    out = []
    for alphabet in ("tv", "rkn"):
        if alphabet == "tv" and (row.alphabet == "rkn" or row.gradients):
            out.append(float("nan"))
            continue
        a = algebra(alphabet, row.order + 1)
        matrix, target, _ = a.select([row.order + 1])
        layout, y = as_split(row, np.asarray(x, float))
        s = a.series(layout, y[:, None], False)[:, 0, 0]
        out.append(float(np.linalg.norm(matrix @ s - target)))
    return out


def least_error(row, x):
    """Goes along the manifold of solutions to the least error constant."""
    _, n = row.layout()
    low = algebra(row.alphabet, row.depth())
    matrix, target, _ = low.select(row.weights())
    layout, _ = row.layout()
    if n <= len(matrix):
        return x
    kind = "rkn" if row.alphabet == "rkn" or row.gradients else "tv"
    high = algebra(kind, row.order + 1)
    top, aim, _ = high.select([row.order + 1])
    if row.alphabet == "x":
        split, _ = as_split(row, x)
        linear = np.array([as_split(row, e)[1] for e in np.eye(n)]).T
    else:
        split, linear = layout, np.eye(n)

    def objective(x):
        s = high.series(split, (linear @ x)[:, None])[:, :, 0]
        f = top @ s
        e = f[:, 0] - aim
        square = e @ e
        return 0.5 * np.log(square), (f[:, 1:] @ linear).T @ e / square

    def conditions(x):
        return matrix @ low.series(layout, x[:, None], False)[:, 0, 0] - target

    def slope(x):
        return (matrix @ low.series(layout, x[:, None])[:, 1:, 0])

    def lower(x):
        found = minimize(objective, x, jac=True, method="SLSQP", bounds=bounds,
                         constraints={"type": "eq", "fun": conditions, "jac": slope},
                         options={"maxiter": 300, "ftol": 1e-13})
        y, norm = solve_many(row, found.x[:, None])
        return y[:, 0] if norm[0] < 1e-12 and objective(y[:, 0])[0] <= objective(x)[0] else x

    # Processors get better without end as they get longer.
    bounds = [(None, None)] * (n - row.processor) + [(-1, 1)] * row.processor
    y = lower(x)
    for _ in range(30 if row.processor else 0):  # where SLSQP stops early
        x, y = y, lower(y)
        if objective(y)[0] > objective(x)[0] - 1e-10:
            break
    return y


def polish(row, x, rounded=True):
    """The free unknowns (rounded where asked) and the others by Newton's method, in mpmath."""
    a = algebra(row.alphabet, row.depth())
    layout, n = row.layout()
    matrix, _, chosen = a.select(row.weights())
    free = n - len(chosen)
    # The unknowns to solve for: those with the best conditioned columns (QR with pivots).
    j = matrix @ a.series(layout, np.array([float(v) for v in x])[:, None])[:, 1:, 0]
    solved = list(range(n))
    if free > 0:
        _, _, pivots = qr(j, pivoting=True)
        solved = sorted(pivots[:len(chosen)])
    y = np.array([[mp.mpf(repr(round(float(v), row.decimals))) if rounded and k not in solved else mp.mpf(v)]
                  for k, v in enumerate(x)], dtype=object)
    worst = mp.mpf(1)
    for _ in range(12):
        s = a.series(layout, y)
        r = mp.matrix(len(chosen), 1)
        jac = mp.matrix(len(chosen), len(solved))
        for i, (_, _, functional, (num, den)) in enumerate(chosen):
            r[i] = sum(c * s[w, 0, 0] for w, c in functional.items()) - mp.mpf(num) / den
            for k, u in enumerate(solved):
                jac[i, k] = sum(c * s[w, 1 + u, 0] for w, c in functional.items())
        worst = max(abs(v) for v in r)
        if worst < mp.mpf(10) ** -50:
            break
        step = mp.lu_solve(jac, r) if len(chosen) == len(solved) else mp.qr_solve(jac, r)[0]
        for k, u in enumerate(solved):
            y[u, 0] -= step[k]
    return [y[k, 0] for k in range(n)], worst


def search(row, starts, seed, first=0, batch=64, keep=12, limit=1e9):
    found = []
    begin = time.time()
    for at in range(first, first + starts, batch):
        ids = list(range(at, min(at + batch, first + starts)))
        x = np.array([row.random(seed, k) for k in ids]).T
        x, norm = solve_many(row, x)
        for k, start in enumerate(ids):
            if norm[k] < 1e-11 and np.abs(x[:, k]).max() < 1.5:
                constant = error_constants(row, x[:, k])
                found.append((constant[1] if constant[0] != constant[0] else constant[0],
                              constant, seed, start, x[:, k]))
        if time.time() - begin > limit:
            break
    found.sort(key=lambda f: f[0])
    _, n = row.layout()
    conditions = len(algebra(row.alphabet, row.depth()).select(row.weights())[1])
    print(f"{row.name}: {len(found)} solutions of {at + len(ids) - first} starts, "
          f"{time.time() - begin:.0f} s, {n} unknowns, {conditions} conditions", flush=True)
    best = []
    for f in found[:keep]:
        x = least_error(row, f[4])
        constant = error_constants(row, x)
        best.append((constant[1] if constant[0] != constant[0] else constant[0], constant, f[2],
                     f[3], x, f[0]))
    best.sort(key=lambda f: f[0])
    for e, constant, seed, start, x, before in best[:5]:
        print(f"  error {constant[0]:.4g} rkn {constant[1]:.4g} (before {before:.4g}) effective "
              f"{row.stages * e ** (1 / row.order):.4f} seed {seed} start {start} "
              f"largest {np.abs(x).max():.4f}\n    {np.array2string(x, precision=9, max_line_width=100)}",
              flush=True)
    return best


# The digits of rows that are somebody's; Newton's method refines them, so a wrong one would show as
# a large correction.
LITERATURE = {
    "kahanli6": ["0.39216144400731413928", "0.33259913678935943860", "-0.70624617255763935981",
                 "0.08221359629355080023", "0.79854399093482996340"],
    "kahanli8": ["0.13020248308889008088", "0.56116298177510838456", "-0.38947496264484728641",
                 "0.15884190655515560090", "-0.39590389413323757734", "0.18453964097831570709",
                 "0.25837438768632204729", "0.29501172360931029887", "-0.60550853383003451170"],
    "suzukiumeno8": ["0.74167036435061295345", "-0.40910082580003159400", "0.19075471029623837995",
                     "-0.57386247111608226666", "0.29906418130365592384", "0.33462491824529818378",
                     "0.31529309239676659663", "-0.79688793935291635402"],
    "sofroniou10": [
        "0.07879572252168641926390768", "0.31309610341510852776481247",
        "0.02791838323507806610952027", "-0.22959284159390709415121340",
        "0.13096206107716486317465686", "-0.26973340565451071434460973",
        "0.07497334315589143566613711", "0.11199342399981020488957508",
        "0.36613344954622675119314812", "-0.39910563013603589787862981",
        "0.10308739852747107731580277", "0.41143087395589023782070412",
        "-0.00486636058313526176219566", "-0.39203335370863990644808194",
        "0.05194250296244964703718290", "0.05066509075992449633587434",
        "0.04967437063972987905456880", "0.04931773575959453791768001"],
    "yoshida6": ["0.78451361047755726382", "0.23557321335935813368", "-1.17767998417887100695",
                 "1.31518632068391121889"],
    "blanesmoan6": ["0.0414649985182624", "0.123229775946271", "0.198128671918067",
                    "0.290553797799558", "-0.0400061921041533", "-0.127049212625417",
                    "0.0752539843015807", "-0.246331761062075", "-0.0115113874206879",
                    "0.357208872795928", "0.2366699247869311", "0.2047770542914700"],
    "blanesmoan_s6": ["0.0502627644003922", "0.148816447901042", "0.413514300428344",
                      "-0.132385865767784", "0.0450798897943977", "0.067307604692185",
                      "-0.188054853819569", "0.432666402578175", "0.541960678450780",
                      "-0.016404589403618", "-0.7255255585086898"],
}

BLANES_MOAN = "Blanes and Moan, J. Comput. Appl. Math. 142, 2002"
ROWS = [
    Row("leapfrog", "x", 2, 1, source="Verlet 1967; Hairer, Lubich, Wanner, Geometric Numerical "
        "Integration, I.1"),
    Row("suzuki4", "x", 4, 5, source="Suzuki 1990; Hairer, Lubich, Wanner, (II.4.5)"),
    Row("kahanli6", "x", 6, 9, source="Kahan and Li 1997, s9odr6a; Hairer, Lubich, Wanner, (V.3.12)"),
    Row("kahanli8", "x", 8, 17,
        source="Kahan and Li 1997, s17odr8a; Hairer, Lubich, Wanner, (V.3.13)"),
    Row("sofroniou10", "x", 10, 35,
        source="Sofroniou and Spaletta, Optim. Methods Softw. 20, 2005; Hairer, Lubich, Wanner, V.3.2"),
    Row("yoshida4", "x", 4, 3, source="Creutz and Gocksch 1989, Forest and Ruth 1990, Suzuki 1990, "
        "Yoshida 1990: the triple jump; Hairer, Lubich, Wanner, (II.4.4)"),
    Row("yoshida6", "x", 6, 7, source="Yoshida 1990, solution A; Hairer, Lubich, Wanner, (V.3.11)"),
    Row("suzukiumeno8", "x", 8, 15, source="Suzuki and Umeno 1993; Hairer, Lubich, Wanner, V.3.2"),
    Row("compose8", "x", 8, 17, 1, 2322, 0.5),
    Row("split2", "tv", 2, 2),
    Row("split4", "tv", 4, 6, 0, 13),
    Row("blanesmoan_s6", "tv", 6, 10, source=BLANES_MOAN + ", S10"),
    Row("rkn4", "rkn", 4, 6, 0, 105),
    Row("rkn6_7", "rkn", 6, 7, 0, 128),
    Row("blanesmoan6", "rkn", 6, 11, source=BLANES_MOAN + ", SRKN11"),
    Row("gradient4", "rkn", 4, 3, gradients=(1,)),
    Row("chin4", "rkn", 4, 2, gradients=(1,), source="Chin 1997, 4A"),
    Row("processed4", "rkn", 4, 1, 0, 65, gradients=(0,), processor=6, decimals=3),
]


def start_of(row):
    """Where a row begins, and whether that is a random start."""
    if row.name == "suzuki4":
        root = mp.mpf(4) ** (mp.mpf(1) / 3)
        return [1 / (4 - root), 1 / (4 - root), -root / (4 - root)], False
    if row.name == "yoshida4":
        root = mp.mpf(2) ** (mp.mpf(1) / 3)
        return [1 / (2 - root), -root / (2 - root)], False
    if row.name in LITERATURE:
        return [mp.mpf(d) for d in LITERATURE[row.name]], False
    return row.random(row.seed, row.start), True


def solved(row):
    """(unknowns to 60 digits, residual, error constants, how far literature's digits moved)."""
    x, random = start_of(row)
    if row.order == 2 and row.stages == 1 and row.alphabet == "x":
        return [mp.mpf(1)], mp.mpf(0), error_constants(row, [1.0]), mp.mpf(0)
    if random:
        y, norm = solve_many(row, x[:, None])
        if norm[0] > 1e-10:
            raise SystemExit(f"{row.name}: seed {row.seed} start {row.start} finds no solution")
        x = least_error(row, y[:, 0])
    y, worst = polish(row, x, random)
    moved = mp.mpf(0) if random else max(abs(a - b) for a, b in zip(x, y))
    return y, worst, error_constants(row, [float(v) for v in y]), moved


def table_row(row):
    y, worst, (error, quadratic), _ = solved(row)
    digits = [mp.nstr(v, 25) for v in y]
    kernel = row.layout()[1] - len(row.gradients) - row.processor
    gradient = [digits[kernel + row.gradients.index(k)] if k in row.gradients else "0"
                for k in range(row.stages // 2 + 1)] if row.gradients else []
    variant = ("kComposition" if row.alphabet == "x" else "kForceGradient" if row.gradients else
               "kTwoWay" if row.alphabet == "tv" else "kNystroem")
    source = row.source or f"solve_splittings.py, seed {row.seed}, start {row.start}"
    lists = [digits[:kernel], gradient, digits[len(digits) - row.processor:] if row.processor else []]
    text = ", ".join("{" + ", ".join(part) + "}" for part in lists)
    number = lambda v: "kNone" if v != v else f"{v:.6g}"
    return (f'{{"{row.name}", {row.order}, Variant::{variant}, {row.stages}, {text}, '
            f'{number(error)}, {number(quadratic)}, {float(worst):.1e}, "{source}"}},\n')


def show(row):
    y, worst, (error, quadratic), moved = solved(row)
    e = quadratic if error != error else error
    print(f"{row.name}: order {row.order}, {row.stages} stages, residual {mp.nstr(worst, 3)}, error "
          f"{error:.4g}, T quadratic {quadratic:.4g}, effective "
          f"{row.stages * e ** (1 / row.order):.4f}; "
          + (row.source + f"; digits moved by {mp.nstr(moved, 2)}" if row.source
             else f"seed {row.seed}, start {row.start}, spread {row.spread}"))
    for v in y:
        print("    " + mp.nstr(v, 40))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("command", choices=["search", "row", "table"])
    arguments.add_argument("name", nargs="?")
    arguments.add_argument("--starts", type=int, default=256)
    arguments.add_argument("--first", type=int, default=0)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--keep", type=int, default=12)
    arguments.add_argument("--out")
    asked = arguments.parse_args()
    rows = [row for row in ROWS if asked.name in (None, row.name)]
    if not rows:
        raise SystemExit("no row " + asked.name + "; rows: " + ", ".join(r.name for r in ROWS))
    if asked.command == "table":
        text = ("// Written by tools/solve_splittings.py table; not edited by hand.\n"
                "// clang-format off\n" + "".join(table_row(r) for r in rows) +
                "// clang-format on\n")
        if asked.out:
            with open(asked.out, "w") as f:
                f.write(text)
        else:
            print(text, end="")
        return
    for row in rows:
        if asked.command == "row":
            show(row)
        else:
            search(row, asked.starts, asked.seed, asked.first, keep=asked.keep)


if __name__ == "__main__":
    main()
