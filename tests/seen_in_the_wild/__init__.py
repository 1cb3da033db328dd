"""Optimizers as they were met in the wild: right in unusual ways, and wrong in usual ones."""
