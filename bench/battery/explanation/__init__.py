"""What is said of a verdict: whose fault an error is, the likely cause, what one cause explains, the printed text."""
