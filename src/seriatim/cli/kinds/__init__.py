"""What a command does for one kind of data."""
