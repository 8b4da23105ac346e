"""Figures of results and of learned noise."""
