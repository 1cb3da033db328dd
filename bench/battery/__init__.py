"""From "this class, please" to a verdict: who the target is, what it takes, and one check after the other.

Imports study/, speed/, compare/, adapter/ and records/; nothing here prints.
"""
