"""The gate's program, in the base's tree: it starts workers, reads their messages and decides."""
