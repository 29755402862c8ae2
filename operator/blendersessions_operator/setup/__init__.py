"""What a release sets up once: its random passwords, and the classes of sessions."""
