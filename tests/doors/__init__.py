"""The doors to the battery, a file each; what comes through them is in tests/their_optimizers.py and their_files.py."""
