"""Order conditions of splittings: words, Lyndon bases and products of exponentials.

A step is a product of exponentials in letters that do not commute; expanded in words it is right
through weight r when the coefficient of every word is that of exp(h (A + B)), or of exp(h X1). The
coefficients of Lyndon words are coordinates of such a product (Reutenauer, Free Lie Algebras, 1993,
ch. 6), so there is one condition for each Lyndon word; a symmetric step needs the odd weights only.

Three alphabets:
  x    X1, X3, X5, ...: a symmetric base step of order 2 is exp(h X1 + h^3 X3 + ...), of weights 1, 3, ..
  tv   B (kick, V) and A (drift, T), of weight 1
  rkn  the same where T is quadratic in p, so that [B,[B,[B,A]]] = 0. BBBA is its smallest word
       (B < A) and does not overlap itself, so the words without BBBA are a basis of the quotient,
       every other one is rewritten by BBBA = 3 BBAB - 3 BABB + ABBB, and the Lyndon words
       without it are a basis of the Lie algebra: 2, 1, 2, 2, 4, 5, 10, 14, 25 of weights 1 .. 9.

The letter C = [B,[A,B]] (weight 3) is the force gradient: a kick of c h^3 grad(|grad V|^2).
"""
from functools import lru_cache
from itertools import product as cartesian

import numpy as np


def is_lyndon(w):
    return all(w < w[k:] for k in range(1, len(w)))


@lru_cache(None)
def x_words(weight):
    if weight == 0:
        return ((),)
    return tuple((c,) + w for c in range(1, weight + 1, 2) for w in x_words(weight - c))


def tv_words(weight):
    return tuple(cartesian((0, 1), repeat=weight))  # 0: B, 1: A


@lru_cache(None)
def normal_form(w):
    """A word as a combination of words without BBBA."""
    for k in range(len(w) - 3):
        if w[k:k + 4] == (0, 0, 0, 1):
            total = {}
            for factor, middle in ((3, (0, 0, 1, 0)), (-3, (0, 1, 0, 0)), (1, (1, 0, 0, 0))):
                for u, c in normal_form(w[:k] + middle + w[k + 4:]).items():
                    total[u] = total.get(u, 0) + factor * c
            return {u: c for u, c in total.items() if c}
    return {w: 1}


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


class Algebra:
    """Words through `weight`, how exponentials act on their coefficients, and the conditions."""

    def __init__(self, alphabet, weight):
        self.alphabet, self.weight = alphabet, weight
        make = x_words if alphabet == "x" else tv_words
        self.by_weight = [make(n) for n in range(weight + 1)]
        self.words = [w for group in self.by_weight for w in group]
        self.index = {w: k for k, w in enumerate(self.words)}
        self.terms = {letter: self._terms(letter) for letter in
                      (("X",) if alphabet == "x" else ("A", "B", "C"))}
        self.conditions = []  # (weight, word, {word index: coefficient}, target numerator/denominator)
        for n in range(1, weight + 1):
            self.conditions += self._conditions(n)

    def _terms(self, letter):
        """[(power of the coefficient, its factor, sources, destinations)] of a product by exp."""
        groups = {}
        for w in self.words:
            for k in range(len(w)):
                end = w[k:]
                if letter == "X":
                    power, factor = sum(end), 1 / factorial(len(end))
                    denominator = factorial(len(end))
                elif letter in "AB":
                    if set(end) != {1 if letter == "A" else 0}:
                        continue
                    power, denominator = len(end), factorial(len(end))
                else:
                    # exp(c C) to first order: enough through weight 5, where C is used
                    if self.weight > 5 or end not in ((0, 1, 0), (0, 0, 1), (1, 0, 0)):
                        continue
                    power, denominator = 1, {(0, 1, 0): 0.5}.get(end, -1)
                groups.setdefault((power, denominator), []).append((self.index[w[:k]], self.index[w]))
        return [(p, d, np.array([a for a, _ in g]), np.array([b for _, b in g]))
                for (p, d), g in sorted(groups.items())]

    def _conditions(self, n):
        out = []
        for w in self.by_weight[n]:
            if not is_lyndon(w):
                continue
            if self.alphabet != "rkn":
                all_x1 = self.alphabet == "x" and w != (1,)
                out.append((n, w, {self.index[w]: 1}, (0 if all_x1 else 1, factorial(n))))
                continue
            if len(normal_form(w)) > 1 or w not in normal_form(w):
                continue
            functional = {self.index[u]: normal_form(u)[w] for u in self.by_weight[n]
                          if w in normal_form(u)}
            out.append((n, w, functional, (sum(functional.values()), factorial(n))))
        return out

    def select(self, weights):
        """Conditions of these weights as (matrix of words, targets), and as lists."""
        chosen = [c for c in self.conditions if c[0] in weights]
        matrix = np.zeros((len(chosen), len(self.words)))
        for row, (_, _, functional, _) in enumerate(chosen):
            for column, value in functional.items():
                matrix[row, column] = value
        return matrix, np.array([t[0] / t[1] for *_, t in chosen]), chosen

    def series(self, stages, x, derivatives=True):
        """Coefficients of the product: x [unknowns, batch], stages a list of (letter, unknown, factor).

        Gives [words, 1 + unknowns, batch], the derivatives after the value. Works for numpy arrays
        of floats and of mpf.
        """
        n, batch = x.shape
        s = np.zeros((len(self.words), 1 + (n if derivatives else 0), batch), dtype=x.dtype)
        if x.dtype == object:
            s = s + x.flat[0] * 0
        s[0, 0] = s[0, 0] + 1
        for letter, which, factor in stages:
            g = x[which] * factor
            out = s.copy()
            for power, denominator, source, target in self.terms[letter]:
                c = g**power / denominator
                out[target] = out[target] + c * s[source]
                if derivatives:
                    slope = factor * power * g**(power - 1) / denominator
                    out[target, 1 + which] = out[target, 1 + which] + slope * s[source, 0]
            s = out
        return s
