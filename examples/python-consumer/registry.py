"""Decodes events by the schema they were written with, which the registry knows by its id.

So a later schema version needs no new release here: fields that this program does not know are
there and not looked at.
"""

import io
import json
import struct
import sys
import time
import urllib.error
import urllib.request

import fastavro

WAIT_S_MAX = 10


class Registry:
    def __init__(self, url):
        self.url = url.rstrip("/")
        self.schemas = {}

    def decode(self, value):
        """(Record name, fields) of a value in the Confluent wire format."""
        magic, schema_id = struct.unpack(">bI", value[:5])
        if magic != 0:
            raise ValueError(f"the value begins with byte {magic}, not 0")
        schema = self.schemas.get(schema_id)
        if schema is None:
            schema = self.schemas[schema_id] = fastavro.parse_schema(self._fetch(schema_id))
        fields = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema)
        return schema["name"].rpartition(".")[2], fields

    def _fetch(self, schema_id):
        """The schema; a registry that is down is waited for, because nothing may be skipped."""
        wait_s = 0.2
        while True:
            try:
                url = f"{self.url}/schemas/ids/{schema_id}"
                with urllib.request.urlopen(url, timeout=5) as answer:
                    return json.loads(json.load(answer)["schema"])
            except OSError as error:
                if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                    raise
                print(f"registry: {error}; trying again in {wait_s:.1f} s", file=sys.stderr)
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, WAIT_S_MAX)
