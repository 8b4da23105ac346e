"""Saved accounts, the environment, and which of them applies."""
