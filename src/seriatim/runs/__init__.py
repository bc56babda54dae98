"""Runs on disk: how a model is built from a description, saved, and opened again."""
