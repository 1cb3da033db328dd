"""What is kept: rows, the journal that they are appended to, the tables made of it, the manifest of tests.

Imports nothing else of bench/.
"""
