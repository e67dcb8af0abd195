"""MLflow's REST API over our store: what its client needs for daily work. A handler module an area; they translate."""
