"""Reading text: files, folders, tables, pairs and named data sets, split without leaks."""
