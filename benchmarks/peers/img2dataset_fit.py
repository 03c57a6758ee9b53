# mypy: ignore-errors
# img2dataset is installed only in the environment that this script runs in.
"""img2dataset: the longest side at most 512, JPEG q85, 2 processes of 32 threads.

Four shards: with its default size a list of this length is one shard, and one process idles.
"""

import sys
from pathlib import Path

from img2dataset import download

SHARDS = 4


def main(urls: Path, out: Path) -> None:
    """Fetch and shrink all."""
    count = len(urls.read_text().split())
    download(
        url_list=str(urls),
        input_format="txt",
        output_folder=str(out),
        output_format="files",
        image_size=512,
        resize_mode="keep_ratio_largest",
        resize_only_if_bigger=True,
        encode_format="jpg",
        encode_quality=85,
        processes_count=2,
        thread_count=32,
        number_sample_per_shard=-(-count // SHARDS),
        enable_wandb=False,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
