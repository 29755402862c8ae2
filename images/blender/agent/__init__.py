"""The agent inside Blender: says when the scene is on screen and whether somebody works, saves, and shows notices.

Standard library, bpy, and X libraries by ctypes. What decides (`readiness`, `routes`, `messages`, `rendering`,
`failures`) knows nothing of bpy; what touches Blender (`desktop`, `opening`, `saving`, `ending`, `runner`) decides
little.
"""
