"""Loading: a YAML text to a Spec with positions and all its Problems. Reading a spec runs nothing.

load_spec(path)               a file on the disk
load_stored(sources, path)    the texts that a run stored; the disk is not looked at
is_spec(path), find_specs(folder)
"""

from __future__ import annotations

from choreo.loading.find import find_specs, is_spec
from choreo.loading.loaded import Loaded, load_spec, load_stored

__all__ = ["Loaded", "find_specs", "is_spec", "load_spec", "load_stored"]
