"""One file a check: `test_added_group.py` shows what the check added-group catches and what it lets pass.

Mistakes that stand for those that somebody made are planted in tests/planted; the ones here pin a verdict's words, or
need a reference, cases or an ability of their own. What holds for all checks stands in tests/, by property.
"""
