"""Reading images: files, folders and named data sets, split without leaks."""
