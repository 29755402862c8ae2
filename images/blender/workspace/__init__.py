"""The files of the home folder: the samples' copies, saved scenes, why a save failed, and the state file.

The entry point uses it to choose a scene, and the agent to save one. It uses the standard library only.
"""
