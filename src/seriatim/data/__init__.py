"""Shared by the readers of all kinds of data: tables, folders, downloads, batches.

Importing this imports nothing outside the standard library.
"""
