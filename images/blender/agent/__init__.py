"""The agent inside Blender: reports whether the scene is on screen and in use, saves it, and shows notices.

It uses the standard library, bpy, and X libraries through ctypes. The modules that decide (`readiness`, `routes`,
`messages`, `rendering`, `save_failure`) do not import bpy. The modules that call Blender (`blender_state`,
`scene_handlers`, `saving`, `termination`, `runner`) decide little.
"""
