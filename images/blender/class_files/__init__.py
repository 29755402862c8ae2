"""What the session's class brings into the desktop: extensions, a start-up file, preferences."""
