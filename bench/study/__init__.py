"""The main job: every optimizer trained beside its twin on every problem, the book's numbers, and the baseline.

Imports speed/, compare/, adapter/ and records/.
"""
