"""Instructions of circuits that only some devices have."""
