"""Reading recordings: files, folders and named data sets, split without leaks."""
