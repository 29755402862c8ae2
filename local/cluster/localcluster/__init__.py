"""A real one-node Kubernetes for a plain Debian machine, built from pinned Go modules."""
