"""Passes and stages for the transpiler, and the transpiler service."""
