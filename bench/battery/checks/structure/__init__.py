"""Parameters in groups, without gradients, late or added: each goes its way as if it were alone."""

PLACE = 6
