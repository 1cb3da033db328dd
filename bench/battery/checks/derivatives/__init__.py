"""A step that is differentiated: by the parameter, the gradients and the learned options."""

PLACE = 11
