"""Options of the primitives."""
