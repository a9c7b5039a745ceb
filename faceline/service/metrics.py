"""How much a service has done, in the text that Prometheus reads."""

import threading
from collections import Counter, defaultdict


class Metrics:
    """Counts of requests, seconds and faces."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._faces: Counter[str] = Counter()

    def count(self, path: str, status: int, seconds: float) -> None:
        """A request that has been answered."""
        with self._lock:
            self._requests[path, status] += 1
            self._seconds[path] += seconds

    def count_faces(self, known: int, unknown: int) -> None:
        """Faces that were named, and that were not."""
        with self._lock:
            self._faces["yes"] += known
            self._faces["no"] += unknown

    def text(self, waiting: int, people: int) -> str:
        with self._lock:
            requests, seconds, faces = sorted(self._requests.items()), sorted(self._seconds.items()), dict(self._faces)
        lines = ["# TYPE faceline_requests_total counter"]
        lines += [
            f'faceline_requests_total{{path="{path}",status="{status}"}} {number}'
            for (path, status), number in requests
        ]
        lines.append("# TYPE faceline_request_seconds_total counter")
        lines += [f'faceline_request_seconds_total{{path="{path}"}} {number:.6f}' for path, number in seconds]
        lines.append("# TYPE faceline_faces_total counter")
        lines += [f'faceline_faces_total{{known="{known}"}} {number}' for known, number in sorted(faces.items())]
        lines += ["# TYPE faceline_requests_waiting gauge", f"faceline_requests_waiting {waiting}"]
        lines += ["# TYPE faceline_people gauge", f"faceline_people {people}"]
        return "\n".join(lines) + "\n"
