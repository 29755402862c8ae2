"""The agent: a process of its own beside Blender, which tells Kubernetes and the operator what happens on the desktop.

It owns HTTP, notices and warnings, and observes Blender's process. What only Blender knows comes from the bridge inside
Blender. So the agent answers while Blender is busy, and no request can harm Blender.
"""
