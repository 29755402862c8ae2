"""The container's limits and what is left of them: memory by its control group, folders by their volume or emptyDir.

The entry point uses it to explain an end, and the agent to warn before one. It uses the standard library only.
"""
