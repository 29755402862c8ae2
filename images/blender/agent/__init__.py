"""The agent inside Blender: says when the scene is on screen, and saves it before the container ends.

Standard library and bpy only. What decides (`readiness`, `routes`, `authorisation`) knows nothing of bpy; what touches
Blender (`desktop`, `recovery`, `runner`) decides nothing.
"""
