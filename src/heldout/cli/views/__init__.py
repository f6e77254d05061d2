"""What the commands print: comparison, diagnosis, data."""
