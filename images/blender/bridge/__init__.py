"""The part of the agent that runs in Blender: it tells the agent Blender's state, and carries out its commands.

It runs in Blender's main loop only and never waits: neither a busy Blender nor a slow agent can hold up the other.
"""
