"""What a training loop counts on: steps that move, the closure, hooks, the constructor, the process around it."""

PLACE = 3
