"""Zero, constant, infinite and NaN gradients, unusual hyperparameters, narrow formats."""

PLACE = 9
