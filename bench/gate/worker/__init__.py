"""The processes of the gate: one judges agreement, and each fresh one times all cells that are still open.

A worker gets its orders as one JSON file and writes what it finds as JSON lines, each in one write, so that a worker
which dies leaves every finished line behind. It belongs to the gate's own program: what it loads are trees.
"""
