"""Public bug reports as small classes: the one with the fault, and `Right`, the same without it."""
