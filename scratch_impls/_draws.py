"""The random numbers of a formula: the same in every number system, and no state to keep.

Counted, not remembered: seed, place and step say which numbers come (Philox: Salmon et al. 2011, Parallel Random
Numbers: As Easy as 1, 2, 3). So a run that is saved and loaded goes on with the numbers that it would have had.
"""

import math

from ._number_systems import system_of
from .vocabulary import finfo, shape

# The binary digits of a format's numbers. What is below its normal range is not rounded otherwise.
BITS = {"float32": 24, "float16": 11, "bfloat16": 8}


class Draws:
    """What an update gets as `rng`: numbers for one step of one parameter.

    seed    whole number from 0 on
    place   which parameter it is; all that step together are one
    step    its number, from 1 on
    """

    def __init__(self, seed, place, step):
        import numpy

        # A tensor or a pair of the harness, where a case gives a seed, is a whole number all the same.
        key = numpy.array([int(seed), place], dtype=numpy.uint64)
        self.generator = numpy.random.Generator(numpy.random.Philox(key=key, counter=[0, 0, 0, int(step)]))

    def uniform(self, x):
        """As many numbers as x has, evenly in [0, 1): multiples of the format's eps, so that no format rounds them."""
        import numpy

        grid = 1 / finfo(x).eps
        return system_of(x).drawn_like(x, numpy.floor(self.generator.random(shape(x)) * grid) / grid)

    def rounded(self, x, name):
        """x on the numbers of a format such as "bfloat16", up or down at random, so that the mean is x."""
        import numpy

        return system_of(x).rounded_at_random(x, numpy.asarray(self.generator.random(shape(x))), BITS[name])

    def normal(self, x):
        """As many numbers as x has from N(0, 1), rounded to the format of x."""
        import numpy

        mantissa, exponent = numpy.frexp(self.generator.standard_normal(shape(x)))
        bits = 1 - round(math.log2(finfo(x).eps))
        rounded = numpy.ldexp(numpy.round(numpy.ldexp(mantissa, bits)), exponent - bits)
        return system_of(x).drawn_like(x, rounded)
