"""The harness: problems, comparison, training, timing, tables, plots and the command line.

Importing this package costs nothing: torch, pandas and matplotlib load with the module that needs them.
"""
