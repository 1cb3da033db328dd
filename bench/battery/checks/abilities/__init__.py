"""What an optimizer's author declares that it can do; judged only then."""

PLACE = 10
