"""What the words of vocabulary.py are on NumPy's arrays of objects: mpmath's numbers, or what stands for one."""

import numpy

from ._number_systems import NumpyArrays
from ._single_numbers import PythonNumbers


class ExactArrays(NumpyArrays):
    """Arrays of NumPy whose elements are objects: numbers of mpmath, or what stands for one."""

    @staticmethod
    def sign(x):
        return _each(x, "sign")

    @staticmethod
    def exp(x):
        return _each(x, "exp")

    @staticmethod
    def log(x):
        return _each(x, "log")

    @staticmethod
    def cos(x):
        return _each(x, "cos")

    @staticmethod
    def rounded_at_random(x, numbers, bits):
        of_one = numpy.frompyfunc(lambda one, u: PythonNumbers.rounded_at_random(one, u, bits), 2, 1)
        return numpy.asarray(of_one(x, numbers), dtype=object)

    @staticmethod
    def astype(x, name):
        return x  # exact in every format

    @staticmethod
    def eigh(x):
        context, matrix = _matrix(x)
        values, vectors = context.eigsy(matrix)
        return _array(values, x.shape[:1]), _array(vectors, x.shape)

    @staticmethod
    def qr(x):
        context, matrix = _matrix(x)
        q, r = context.qr(matrix, mode="skinny") if x.shape[0] >= x.shape[1] else context.qr(matrix)
        return _array(q, (q.rows, q.cols)), _array(r, (r.rows, r.cols))

    @staticmethod
    def svd(x):
        context, matrix = _matrix(x)
        u, s, v = context.svd_r(matrix)
        return _array(u, (u.rows, u.cols)), _array(s, (len(s),)), _array(v, (v.rows, v.cols))


def _each(x, word):
    """A word of every element, as the element's own method or as that of single numbers."""

    def of_one(element):
        if isinstance(element, (int, float)) or hasattr(element, "context"):  # mpmath's exp is its exponent
            return getattr(PythonNumbers, word)(element)
        return getattr(element, word)()

    return numpy.asarray(numpy.frompyfunc(of_one, 1, 1)(x), dtype=object)


def _matrix(x):
    context = x.flat[0].context
    return context, context.matrix(x.tolist())


def _array(matrix, shape):
    made = numpy.empty(len(list(matrix)), dtype=object)
    made[:] = list(matrix)
    return made.reshape(shape)
