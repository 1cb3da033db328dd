"""Is it an optimizer at all? Where it is none, every other check would fail by the same line and explain nothing."""

PLACE = 1
