"""What to do next, and what to say about it: pure functions of what was observed."""
