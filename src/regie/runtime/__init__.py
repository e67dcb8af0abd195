"""A model package: written, opened safely, proved, answered from. No mlflow, no database."""
