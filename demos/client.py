#!/usr/bin/env python3
"""A client of `faceline serve`, of Python's own library alone: copy it into your program.

    demos/client.py http://127.0.0.1:8000 add anna photo.jpg …        likewise train, people, name photo.jpg …

A key, where one is needed, is taken from the environment variable FACELINE_KEY.
"""

import argparse
import base64
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any


def encoded(picture: str | Path) -> dict[str, str]:
    """A picture file, as the service takes it in JSON."""
    return {"name": Path(picture).name, "data": base64.b64encode(Path(picture).read_bytes()).decode()}


class Client:
    """A service at an address, such as http://127.0.0.1:8000."""

    def __init__(self, address: str, key: str = "") -> None:
        self.address, self.key = address.rstrip("/"), key

    def ask(self, method: str, path: str, **fields: Any) -> Any:
        """What it answers; raises OSError with the reason where it refuses."""
        headers = {"Content-Type": "application/json"} | ({"X-API-Key": self.key} if self.key else {})
        body = json.dumps(fields).encode() if fields else None
        request = urllib.request.Request(self.address + path, body, headers, method=method)
        while True:
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 503 or "Retry-After" not in error.headers:
                    raise OSError(f"{method} {path}: {json.load(error).get('error')}") from None
                time.sleep(float(error.headers["Retry-After"]))  # it has too much to do

    def name(self, *pictures: str | Path, top: int = 1) -> list[dict]:
        """What `infer --json` says of each picture, of all its faces."""
        found = self.ask("POST", f"/faces?multi=true&top={top}", picture=list(map(encoded, pictures)))
        return found if isinstance(found, list) else [found]

    def compare(self, first: str | Path, second: str | Path) -> list[dict]:
        return self.ask("POST", "/compare", first=encoded(first), second=encoded(second))["pairs"]

    def add(self, person: str, *pictures: str | Path) -> list[dict]:
        """What was seen on each picture; it counts when `train` has been asked."""
        return self.person("POST", person, picture=list(map(encoded, pictures)))["pictures"]

    def person(self, method: str, who: str, options: str = "", **fields: Any) -> Any:
        return self.ask(method, f"/people/{urllib.parse.quote(who)}{options}", **fields)

    def people(self) -> list[dict]:
        return self.ask("GET", "/people")["people"]

    def rename(self, person: str, name: str) -> dict:
        return self.done(self.person("PATCH", person, name=name))

    def forget(self, person: str, photographs: bool = False) -> dict:
        """The receipt; with `photographs` their files go, too."""
        return self.done(self.person("DELETE", person, f"?photographs={str(photographs).lower()}"))

    def train(self) -> dict:
        return self.done(self.ask("POST", "/train"))

    def done(self, job: dict) -> dict:
        """What came of a job, when it has come to its end."""
        while job.get("state") in ("waiting", "running"):
            time.sleep(0.5)
            job = self.ask("GET", f"/jobs/{job['id']}")
        if job.get("state") == "failed":
            raise OSError(job["error"])
        return job["result"] if "state" in job else job


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("what", choices=["name", "compare", "add", "people", "rename", "forget", "train"])
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()
    client = Client(options.address, os.environ.get("FACELINE_KEY", ""))
    print(json.dumps(getattr(client, options.what)(*options.arguments), indent=1))


if __name__ == "__main__":
    try:
        main()
    except (OSError, TypeError, ValueError) as error:
        print(f"client.py: error: {error}", file=sys.stderr)
        sys.exit(2)
