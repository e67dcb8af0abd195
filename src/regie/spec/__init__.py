"""`regie.yaml` as frozen promises: grammar, defaults, check, plan."""
