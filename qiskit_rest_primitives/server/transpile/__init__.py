"""Orders to transpile: their routes, tasks and worker."""
