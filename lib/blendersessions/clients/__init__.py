"""Clients of the systems outside: the Kubernetes API, Guacamole and the agents in the desktops."""
