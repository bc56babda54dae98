"""Where images come from: files, folders and named data sets, divided so that nothing leaks."""
