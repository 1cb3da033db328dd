"""Agreement with the formula and the reference: one step, many steps, every case, every path."""

PLACE = 4
