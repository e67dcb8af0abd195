"""The staged change of a route: stages, guards, decisions."""
