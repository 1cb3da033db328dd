"""How far apart two optimizers are, and how far rounding allows: histories, replay, gaps and their bounds.

Imports adapter/ and records/.
"""
