"""What belongs to the caller stays the caller's: gradients, arguments, and memory that is nobody else's."""

PLACE = 2
