"""Sign-on by OpenID Connect of the portal's own: the provider, people's sign-ons, and their pages."""
