"""The home folder as a workspace: which scene belongs to it, and where a scene is saved.

Used by the entry point, which decides what is opened, and by the agent, which saves. Standard library only.
"""
