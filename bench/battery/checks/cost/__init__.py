"""What steps cost and where many of them lead: memory, long runs, descent."""

PLACE = 12
