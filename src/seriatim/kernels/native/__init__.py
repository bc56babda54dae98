"""Kernels that numba compiles: whole steps of a network with its draw, many of them in one call.

They know arrays only; which models have them, and what their states are, is in `seriatim.models`. Nothing here is
imported before native steps are asked for, except `kept`, which does not import numba.
"""
