"""The tracking server beside a stock `mlflow server`: the same requests in the same run, in turns, on SQLite and on PostgreSQL."""
