"""User programs: the locked-up process they run in, where they are kept, and those the server brings along."""
