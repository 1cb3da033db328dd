"""Two optimizers."""

from their_optim.adam import TheirAdam
from their_optim.rmsprop import TheirRMSprop

__all__ = ["TheirAdam", "TheirRMSprop"]
