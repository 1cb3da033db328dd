"""What is so by design and no fault: declared, seen on a throw-away instance, or found at the reference."""
