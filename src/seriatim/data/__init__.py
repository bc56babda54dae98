"""What the readers of every kind of data share: tables, folders, downloads, batches.

Importing this imports neither torch nor anything else outside the standard library.
"""
