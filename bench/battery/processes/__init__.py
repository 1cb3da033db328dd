"""What somebody's code does to the process that judges it: it forks, or does not come to an end."""
