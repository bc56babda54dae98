"""Where text comes from: files, folders, tables, pairs and named data sets, divided so that nothing leaks."""
