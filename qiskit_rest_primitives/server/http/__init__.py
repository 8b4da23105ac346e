"""What every request passes, whatever it asks: credentials, bodies, errors, limits, logs."""
