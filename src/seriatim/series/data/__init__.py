"""Readers of series: tables of numbers, arrays, data frames, named data sets."""
