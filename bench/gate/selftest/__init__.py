"""The gate before itself: identical code must stay green, work that is really added and real mistakes must go red.

The code under test is this Twinstep's own, so the proof runs anywhere. Every decision is one cell in one gate run, made
from processes of its own: none is resampled. Decisions accumulate in a file, machine by machine, and a run that was
stopped goes on where it was.
"""
