"""Kopf, and nothing else: log-in, start, stop, and the watches of sessions and classes."""
