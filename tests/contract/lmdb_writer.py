"""A process that writes batches of 500 cells into a table and says on its standard output which ones are written.

Arguments: the directory, the writer's name, the number of batches.
"""

import sys
from pathlib import Path

from pipeline.adapters.lmdb.table import LmdbTable, open_environment
from pipeline.ports.table import Cell


def main(directory: str, name: str, batches: int) -> None:
    table = LmdbTable(open_environment(Path(directory), 256), "ticks")
    for number in range(batches):
        row = b"%s-%06d" % (name.encode(), number)
        table.write(Cell(row, b"f", b"%03d" % n, number, b"v" * 200) for n in range(500))
        print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
