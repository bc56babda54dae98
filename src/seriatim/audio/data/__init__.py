"""Where recordings come from: files, folders and named data sets, divided so that nothing leaks."""
