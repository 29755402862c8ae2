"""Takes and gives the files of the home folder.

Every path is walked part by part from the home folder's own descriptor, and no link is followed. What may wait for the
volume runs in threads, so that the agent answers meanwhile.
"""
