"""What the operator, the portal and the command share: the API's types, and the clients of other systems."""
