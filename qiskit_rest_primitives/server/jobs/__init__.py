"""The life of jobs and sessions: the tables, the queue, whose turn it is, and what is forgotten."""
