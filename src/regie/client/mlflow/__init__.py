"""Moving what is tracked between two servers that speak MLflow's REST wire."""
