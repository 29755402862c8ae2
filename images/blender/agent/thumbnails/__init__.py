"""Pictures of the desktop's screen, and of files in the home folder.

Each is made by a process of its own, which can be slow, grow or crash without the agent.
"""
