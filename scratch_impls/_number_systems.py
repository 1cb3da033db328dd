"""What a number system does for the words of vocabulary.py; `system_of` is the one place that tells them apart.

Those of the harness, pairs and randomly rounded numbers, bring theirs as the attribute `number_system` of their class.
NumPy and torch are imported when one of their arrays comes: a formula needs no framework.
"""

from typing import Any

from ._single_numbers import PythonNumbers


class NumpyArrays:
    """Arrays of NumPy, and its single numbers."""

    @staticmethod
    def sign(x):
        import numpy

        return numpy.sign(x)

    @staticmethod
    def exp(x):
        import numpy

        return numpy.exp(x)

    @staticmethod
    def log(x):
        import numpy

        return numpy.log(x)

    @staticmethod
    def cos(x):
        import numpy

        return numpy.cos(x)

    @staticmethod
    def where(condition, a, b):
        import numpy

        return numpy.where(condition, *_of_one_kind(a, b))[()]  # a single number stays one, in the same format

    @staticmethod
    def sum(x, axis, keepdims):
        return x.sum(axis=axis, keepdims=keepdims)

    @staticmethod
    def mean(x, axis, keepdims):
        return x.mean(axis=axis, keepdims=keepdims)

    @staticmethod
    def max(x, axis, keepdims):
        return x.max(axis=axis, keepdims=keepdims)

    @staticmethod
    def reshape(x, shape):
        return x.reshape(shape)

    @staticmethod
    def transpose(x, axes):
        return x.transpose(axes)

    @staticmethod
    def full_like(x, value):
        import numpy

        return numpy.full_like(x, value)

    @staticmethod
    def astype(x, name):
        # NumPy has no bfloat16; a formula that widens leaves what is wide already as it is.
        return x if name == "bfloat16" or not hasattr(x, "astype") else x.astype(name)

    @staticmethod
    def rounded_at_random(x, numbers, bits):
        import numpy

        spacing = numpy.ldexp(numpy.ones_like(x), numpy.frexp(x)[1] - bits)
        below = spacing * numpy.floor(x / spacing)
        return below + spacing * (x - below > spacing * numbers.astype(x.dtype))

    @staticmethod
    def eye(n, like):
        import numpy

        return numpy.eye(n).astype(like.dtype)

    @staticmethod
    def drawn_like(x, numbers):
        import numpy

        return numpy.asarray(numbers).astype(x.dtype)[()]

    @staticmethod
    def eigh(x):
        import numpy

        try:
            return tuple(numpy.linalg.eigh(x))
        except numpy.linalg.LinAlgError:  # of what is not finite
            return numpy.full_like(x[..., 0], numpy.nan), numpy.full_like(x, numpy.nan)

    @staticmethod
    def qr(x):
        import numpy

        return tuple(numpy.linalg.qr(x))

    @staticmethod
    def svd(x):
        import numpy

        return tuple(numpy.linalg.svd(x, full_matrices=False))


class TorchTensors:
    """Tensors of torch, eager or traced."""

    @staticmethod
    def sign(x):
        return x.sign()

    @staticmethod
    def exp(x):
        return x.exp()

    @staticmethod
    def log(x):
        return x.log()

    @staticmethod
    def cos(x):
        return x.cos()

    @staticmethod
    def where(condition, a, b):
        a, b = _of_one_kind(a, b)
        return a.where(condition, b) if hasattr(a, "where") else b.where(~condition, a)

    @staticmethod
    def sum(x, axis, keepdims):
        return x.sum() if axis is None else x.sum(dim=axis, keepdim=keepdims)

    @staticmethod
    def mean(x, axis, keepdims):
        return x.mean() if axis is None else x.mean(dim=axis, keepdim=keepdims)

    @staticmethod
    def max(x, axis, keepdims):
        return x.amax() if axis is None else x.amax(dim=axis, keepdim=keepdims)

    @staticmethod
    def reshape(x, shape):
        return x.reshape(shape)

    @staticmethod
    def transpose(x, axes):
        return x.permute(axes)

    @staticmethod
    def full_like(x, value):
        import torch

        return torch.full_like(x, value)

    @staticmethod
    def astype(x, name):
        import torch

        return x.to(getattr(torch, name))

    @staticmethod
    def rounded_at_random(x, numbers, bits):
        import torch

        # By NumPy's rule: the same numbers decide the same way.
        numbers = torch.as_tensor(numbers).to(x)
        spacing = torch.ldexp(torch.ones_like(x), torch.frexp(x)[1] - bits)
        below = spacing * (x / spacing).floor()
        return below + spacing * (x - below > spacing * numbers)

    @staticmethod
    def eye(n, like):
        import torch

        return torch.eye(n, dtype=like.dtype, device=like.device)

    @staticmethod
    def drawn_like(x, numbers):
        import torch

        return torch.as_tensor(numbers).to(x)

    @staticmethod
    def eigh(x):
        import torch

        try:
            values, vectors = torch.linalg.eigh(x)
        except torch.linalg.LinAlgError:  # of what is not finite
            values, vectors = torch.full_like(x[..., 0], torch.nan), torch.full_like(x, torch.nan)
        return values, vectors

    @staticmethod
    def qr(x):
        import torch

        q, r = torch.linalg.qr(x)
        return q, r

    @staticmethod
    def svd(x):
        import torch

        u, s, v = torch.linalg.svd(x, full_matrices=False)
        return u, s, v


def _of_one_kind(a, b):
    """Both, where one of them at least says in which format the result is."""
    if not (hasattr(a, "dtype") or hasattr(b, "dtype")):
        raise TypeError("where() of two plain numbers has no format: write ones_like(x) or zeros_like(x)")
    return a, b


def system_of(*values):
    """The number system that these values are of; single numbers go with any."""
    found: Any = PythonNumbers
    for value in values:
        own = getattr(value, "number_system", None)
        if own is not None:
            return own
        if hasattr(value, "requires_grad"):  # of torch, whichever class of tensor it is
            return TorchTensors
        if hasattr(value, "dtype"):
            found = NumpyArrays
            if value.dtype == object:  # numbers of mpmath, which only the harness brings
                from ._exact_arrays import ExactArrays

                return ExactArrays
    return found
