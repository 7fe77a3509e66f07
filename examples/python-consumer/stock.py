#!/usr/bin/env python3
"""Prints running stock per SKU from products.events.v1, each event counted once.

A line of JSON per change, and a last one with the whole stock when it ends: on SIGTERM or Ctrl-C,
or with --to-end at what is the end of the log now.
"""

import argparse
import json
import os
import signal
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from link import GAP, NEXT, arrival, link_of
from registry import Registry
from store import Store

BATCH = 500


class Reader:
    def __init__(self, store, registry, topic):
        self.store, self.registry, self.topic = store, registry, topic
        self.counts = {"applied": 0, "repeats": 0, "discarded": 0, "aside": 0}
        # The link sequence that is missing, by partition, until a repair has written it again.
        self.gaps = {}

    def take(self, message):
        """Applies a record, or says why not. Within a transaction of the store."""
        place = f"{self.topic}/{message.partition()}"
        seen = link_of(dict(message.headers() or []), f"products/{message.partition()}")
        if seen is None:
            self.counts["aside"] += 1
            return say(f"{place} offset {message.offset()} is not one of Spillway's: put aside")
        mark, _ = self.store.mark(place)
        arrived = arrival(mark, seen)
        if arrived == GAP:
            self.counts["discarded"] += 1
            if place not in self.gaps:
                self.gaps[place] = mark[1] + 1 if seen[0] == mark[0] else 1
                say(f"ALARM: {place} lacks {self.gaps[place]}: run spillway repair; reading on")
        elif arrived == NEXT:
            name, event = self.registry.decode(message.value())
            self.store.apply(name, event)
            self.store.move(place, seen, message.offset() + 1)
            self.counts["applied"] += 1
            if self.gaps.pop(place, None) is not None:
                say(f"{place} is whole again")
            return event.get("sku")
        else:
            self.counts["repeats"] += 1


def say(words):
    print(words, file=sys.stderr, flush=True)


def run(args):
    store, registry = Store(args.state), Registry(args.registry)
    reader = Reader(store, registry, args.topic)
    consumer = Consumer({
        "bootstrap.servers": args.brokers,
        # The mark in the store says how far this reader is; the group is not asked.
        "group.id": "stock-example",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    })
    stopped = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.append(True))
    found = consumer.list_topics(args.topic, timeout=30).topics[args.topic]
    if found.error or not found.partitions:
        sys.exit(f"there is no topic {args.topic}: {found.error}")
    offset = lambda number: store.mark(f"{args.topic}/{number}")[1]
    consumer.assign([TopicPartition(args.topic, n, offset(n)) for n in found.partitions])
    at_end = set()
    while not stopped and not (args.to_end and len(at_end) == len(found.partitions)):
        changed = set()
        with store.transaction():
            for message in consumer.consume(BATCH, timeout=0.5):
                if message.error() is None:
                    changed.add(reader.take(message))
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    at_end.add(message.partition())
                elif not message.error().retriable():
                    raise KafkaException(message.error())
        if not args.to_end:
            for sku in sorted(changed - {None}):
                print(json.dumps(store.stock(sku)), flush=True)
    consumer.close()
    print(json.dumps({"stock": store.stock(), **reader.counts, "gaps": reader.gaps}))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    env = os.environ.get
    registry = "http://127.0.0.1:28081/apis/ccompat/v7"
    parser.add_argument("--brokers", default=env("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:29092"))
    parser.add_argument("--registry", default=env("SCHEMA_REGISTRY_URL", registry))
    parser.add_argument("--topic", default="products.events.v1")
    parser.add_argument("--state", default=":memory:", help="SQLite file; default: in memory, from the start")
    parser.add_argument("--to-end", action="store_true", help="stop at what is the end of the log now")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
