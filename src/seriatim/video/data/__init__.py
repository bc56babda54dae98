"""Films: reading them, and cutting them into clips."""
