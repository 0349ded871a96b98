"""The trace store: one SQLite file with everything that was recorded about every run."""

from choreo.store.births import NewRun
from choreo.store.place import find_store, log_folder
from choreo.store.records import RunRecord
from choreo.store.sqlite import Store

__all__ = ["NewRun", "RunRecord", "Store", "find_store", "log_folder"]
