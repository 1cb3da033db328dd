"""Where eps stands is a convention, and here it stands once."""


def root(square, eps):
    """sqrt(square) + eps"""
    return square.sqrt().add_(eps)
