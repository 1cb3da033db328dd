"""What an author declares to be so by design, held to its word: a declaration that is false is told here."""

PLACE = 13
