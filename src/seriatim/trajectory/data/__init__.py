"""Readers of drawings and labelled series."""
