"""Tools that predict what noise does to a circuit."""
