"""Runs and what they measure: experiments, runs, metrics, parameters, tags, artifacts, logged models."""
