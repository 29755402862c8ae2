"""Decide the next steps and the status of a session: pure functions of its observed state."""
