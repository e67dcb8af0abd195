"""The data plane: answers requests from local files, logs every answer, needs nobody. Its syncer alone talks to the control plane."""
