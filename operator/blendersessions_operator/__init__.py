"""The operator: watches BlenderSessions, and makes a desktop and a Guacamole connection for each."""
