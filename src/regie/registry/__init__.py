"""Registered models, their versions, and who is champion."""
