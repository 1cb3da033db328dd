"""The pull-request gate: a base and a head of one library in one process, judged, timed interleaved and decided.

Imports every wing of bench/ but cli/.
"""
