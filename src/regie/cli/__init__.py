"""The command line: commands over the client. Importing it imports click and nothing heavier."""

from regie.cli.root import main

__all__ = ["main"]
