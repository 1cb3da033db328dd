"""How fast a step is: interleaved timing, who competes in a cell, and the shapes that are timed.

Imports compare/, adapter/ and records/.
"""
