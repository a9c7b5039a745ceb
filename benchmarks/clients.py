"""Clients of a server over HTTP, each a thread with a connection of its own that it keeps, and what they are told."""

import http.client
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

PATIENCE = 60.0  # seconds without a sign of an answer, after which a request counts as one that hangs
NO_ANSWER = 0  # the status of a request that hung, or whose connection broke


@dataclass(frozen=True)
class Question:
    """A request that can be sent any number of times; without a body it is a GET."""

    path: str
    body: bytes | None = None
    kind: str = ""


@dataclass(frozen=True)
class Reply:
    """What came of a request: which question it was, and after how many seconds it was answered."""

    question: int
    status: int
    seconds: float
    content: bytes = b""
    retry_after: str = ""


def form(path: str, field: str, name: str, content: bytes, others: Mapping[str, str] | None = None) -> Question:
    """A form with a file and other fields."""
    mark = uuid.uuid4().hex
    parts = [f'form-data; name="{key}"\r\n\r\n{value}'.encode() for key, value in (others or {}).items()]
    parts.append(f'form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode() + content)
    body = b"".join(f"--{mark}\r\nContent-Disposition: ".encode() + part + b"\r\n" for part in parts)
    return Question(path, body + f"--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}")


class Client:
    """Asks one thing after the other over one connection, and opens it again where it was closed."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def ask(self, questions: Sequence[Question], number: int) -> Reply:
        """The reply to one of the questions."""
        question = questions[number]
        headers = {"Content-Type": question.kind} if question.kind else {}
        begun = time.perf_counter()
        try:
            self._connection.request("GET" if question.body is None else "POST", question.path, question.body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return Reply(number, NO_ANSWER, time.perf_counter() - begun)
        seconds = time.perf_counter() - begun
        return Reply(number, answer.status, seconds, content, answer.headers.get("Retry-After", ""))

    def close(self) -> None:
        self._connection.close()


def ask_all(
    port: int, questions: Sequence[Question], numbers: Sequence[int], clients: int, limit: float
) -> list[Reply]:
    """The replies to questions that clients ask all the time, each the next one that nobody has asked; no more are
    asked after `limit` seconds."""
    until, places = time.monotonic() + limit, itertools.count()

    def work(client: Client, _: int) -> list[Reply]:
        found = []
        while (place := next(places)) < len(numbers) and time.monotonic() < until:
            found.append(client.ask(questions, numbers[place]))
        return found

    return list(itertools.chain(*at_once(port, clients, work)))


def ask_together(port: int, questions: Sequence[Question], clients: int, limit: float) -> list[list[Reply]]:
    """Of each client the replies to one question, which all ask at the same moment: who is told to come again does so
    when it was told, until it is answered otherwise or `limit` seconds are over."""
    until, start = time.monotonic() + limit, threading.Barrier(clients)

    def work(client: Client, number: int) -> list[Reply]:
        start.wait()
        found = [client.ask(questions, number % len(questions))]
        while found[-1].status == 503 and found[-1].retry_after and time.monotonic() < until:
            time.sleep(float(found[-1].retry_after))
            found.append(client.ask(questions, number % len(questions)))
        return found

    return at_once(port, clients, work)


def at_once(port: int, clients: int, work: Callable[[Client, int], list[Reply]]) -> list[list[Reply]]:
    """What each of so many clients gives that work at the same time."""

    def with_client(number: int) -> list[Reply]:
        client = Client(port)
        try:
            return work(client, number)
        finally:
            client.close()

    with ThreadPoolExecutor(clients) as threads:
        return list(threads.map(with_client, range(clients)))


class Probe:
    """Asks for one path every now and then while a block runs, as who watches a server does."""

    def __init__(self, port: int, path: str, every: float = 0.1) -> None:
        self.replies: list[Reply] = []
        self._port, self._question, self._every = port, Question(path), every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        client = Client(self._port)
        while not self._over.wait(self._every):
            self.replies.append(client.ask([self._question], 0))
        client.close()

    def __enter__(self) -> "Probe":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
