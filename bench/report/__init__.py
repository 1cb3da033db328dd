"""What people look at: pictures, the gallery, the pages of checks and defects, the console of tables.

Imports battery/, study/, speed/, compare/, adapter/ and records/.
"""
