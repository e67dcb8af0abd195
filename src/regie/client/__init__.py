"""The HTTP client: what the command line and a script use to talk to a server. It needs neither numpy nor a database."""
