"""A run that another process kills: python -m tests.store.victim DATABASE GENERATIONS.

Prints the run's number and first identity, then how many batches are committed, each time that it changes.
"""

import sys
from pathlib import Path

from tests.store.walk import begin, crowd, steps
from tracker.store.numbers import new_identity_id
from tracker.store.session import open_store
from tracker.store.sink import StoreSink


def main(path: Path, generations: int) -> None:
    with open_store(path) as store:
        run = begin(store, ["west"])
        with store.write() as connection:
            first_identity_id = new_identity_id(connection, 10 * generations)
        print(run.id, first_identity_id, flush=True)
        sink, acknowledged = StoreSink(store, run), 0
        for step in steps(["west"], crowd(first_identity_id, generations)):
            sink.write(step)
            if sink.counters.batches_committed > acknowledged:
                acknowledged = sink.counters.batches_committed
                print(acknowledged, flush=True)
        sink.close()
        print("closed", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
