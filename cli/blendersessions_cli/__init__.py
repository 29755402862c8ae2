"""The command `blendersessions`, also `kubectl blender`: into a session, and what else people do with sessions."""
