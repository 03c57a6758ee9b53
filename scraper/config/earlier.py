"""What keys were called in earlier versions, and what other programs call them."""

from __future__ import annotations

from collections.abc import Mapping

# Names of earlier versions, without their units, and the names of now.
RENAMED: Mapping[str, str] = {
    "item_time": "request_time",
    "max_items": "max_urls",
}
# Those that have no other name, and what takes their place.
REMOVED: Mapping[str, str] = {
    "max_retry_after": "patience says how long a host that refuses is waited for",
    "retry_time": "retries bounds the tries, and patience the wait for a host that refuses",
}
# What executors, other libraries and other programs call it, where no letters lead to it.
ELSEWHERE: Mapping[str, str] = {
    "max_workers": "threads",
    "concurrency": "threads",
    "concurrent_requests": "threads",
    "max_connections": "threads",
    "n_jobs": "processes",
    "num_workers": "processes",
    "folder": "dir",
    "output_dir": "dir",
    "output_folder": "dir",
}
