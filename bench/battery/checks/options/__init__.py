"""Does every option do something, and does the group's value rule at every step?"""

PLACE = 5
