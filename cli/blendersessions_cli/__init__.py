"""The command `blendersessions`, also `kubectl blender`: opens, lists, suspends and resumes sessions."""
