"""Save, load, copy, exchange: the same trajectory goes on, and nothing is shared."""

PLACE = 7
