"""Random numbers by key, as JAX has them: a draw takes a key and remembers nothing."""
from cotangent._core import (
    _random_bernoulli as bernoulli,
    _random_bits as bits,
    _random_normal as normal,
    _random_permutation as permutation,
    _random_randint as randint,
    _random_split as split,
    _random_uniform as uniform,
)
from cotangent._core import Key as Key

__all__ = ["bernoulli", "bits", "normal", "permutation", "randint", "split", "uniform", "Key"]
