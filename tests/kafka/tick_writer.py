"""A process that writes one shard's batches into the tick log, from its checkpoint on, over every trouble, until it is killed.

Arguments: the bootstrap servers, the topic. It says on its standard output which beat is in, and what went wrong.
"""

import sys
import time

from pipeline.adapters.kafka.tick_log import KafkaTickLog
from pipeline.domain.batches import Batch, Position
from pipeline.domain.errors import Unavailable
from pipeline.domain.live_bars import Checkpoint

SYMBOLS = tuple(f"S{n:03d}" for n in range(50))
SHARD = 1
SESSION = 9
AT_ONCE = 4  # batches in a transaction


def batch(beat: int) -> Batch:
    blocks = tuple((symbol, str(beat).encode()) for symbol in SYMBOLS)
    return Batch(SHARD, Position(SESSION, beat), Position(SESSION, beat - 1), 1, 0.0, len(SYMBOLS), blocks)


def tick_log(servers: str, topic: str) -> KafkaTickLog:
    return KafkaTickLog(servers, topic, f"{topic}-bars", f"{topic}-checkpoints", SHARD, 4, embedded=False)


def main(servers: str, topic: str) -> None:
    log = tick_log(servers, topic)
    while True:
        try:
            checkpoint = log.open()
            beat = checkpoint.position.beat + 1 if checkpoint else 1
            while True:
                batches = [batch(beat + more) for more in range(AT_ONCE)]
                log.append(batches, [], Checkpoint(batches[-1].position))
                beat += AT_ONCE
                print(beat - 1, flush=True)
        except Unavailable as error:
            print(error, flush=True)
            time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
