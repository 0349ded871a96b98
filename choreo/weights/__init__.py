"""Model weights: one catalogue, a cache on disk, and the sources they are pulled from."""

from choreo.weights.cache import cached, digest_of_file, folder_of, home, locate, own_files
from choreo.weights.catalogue import Catalogue, Weights, read_catalogue
from choreo.weights.pulling import adopt, discard, ensure_weights, known, megabytes, pull

__all__ = [
    "Catalogue",
    "Weights",
    "adopt",
    "cached",
    "digest_of_file",
    "discard",
    "ensure_weights",
    "folder_of",
    "home",
    "known",
    "locate",
    "megabytes",
    "own_files",
    "pull",
    "read_catalogue",
]
