"""Forward and backward passes written by hand for speed, each held equal to its plain counterpart by a test."""
