"""The signer's body: the default SMPL-X-format character built from CC0 data, and the loading of a licensed SMPL-X file."""

from __future__ import annotations

from .load import cache_folder, default_body_file, load_body, read_body
from .model import Body

__all__ = ["Body", "cache_folder", "default_body_file", "load_body", "read_body"]
