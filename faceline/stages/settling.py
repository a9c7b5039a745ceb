"""Where a picture shows several people: its person is the one whom the person's other pictures show, too.

What is chosen follows from the pictures alone, whatever was known before: where any picture of a person is new, changed
or gone, the main faces of all are compared, and where one disagrees, the other faces of its picture are looked at.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from faceline.disk.paths import inside
from faceline.disk.pictures.images import decode_image, read_picture
from faceline.disk.rows import PictureRow, Status
from faceline.people.agreement import DOUBTFUL, UNLIKE, choose_faces, disagreeing
from faceline.people.scoring import unit
from faceline.stages.alignment import Choice, Compared, Outcome, PictureTask, embed_crops

OTHER_FACE = "another face than the main one, which the person's other pictures show"
NOT_LIKE = "not like the person's other pictures"

# Crops that are read at once.
CROPS_AT_ONCE = 256


class Settling:
    """The faces of a folder of people.

    Parameters
    ----------
    rows : list of PictureRow
        What became of all pictures.
    embeddings : dict
        Embeddings of crops that are known, by the crop's SHA-256.
    task_of : callable
        The task of a picture, given its row's key and which faces are to be compared.
    run_tasks : callable
        Gives the Outcomes of tasks, in any order.
    """

    def __init__(
        self,
        rows: list[PictureRow],
        embeddings: dict[str, np.ndarray],
        task_of: Callable[[str, Compared], PictureTask],
        run_tasks: Callable[[list[PictureTask]], Iterable[Outcome]],
    ) -> None:
        self.rows = {row.key: row for row in rows}
        self.embeddings = dict(embeddings)
        self.choices: dict[str, tuple[Choice, ...]] = {}
        self.task_of, self.run_tasks = task_of, run_tasks
        self.people: dict[str, list[str]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: row.key):
            if row.status == Status.OK:
                self.people[row.person].append(row.key)

    def settle(self, changed: set[str]) -> list[Outcome]:
        """Choose the faces of the people `changed`, and of those whose pictures are not all embedded.

        Returns
        -------
        list of Outcome
            Of the pictures whose row is another one now, which `rows` then holds; `png` is set where the crop is, too.
        """
        several = {person: keys for person, keys in self.people.items() if len(keys) > 1}
        todo = {
            person: keys
            for person, keys in several.items()
            if person in changed or any(self.rows[key].crop_sha256 not in self.embeddings for key in keys)
        }
        keys = [key for keys in todo.values() for key in keys]
        self.look([key for key in keys if self.rows[key].reason == OTHER_FACE], Compared.FIRST)
        self.embed([key for key in keys if key not in self.choices])
        self.look([key for keys in todo.values() for key in self.disagreeing(keys)], Compared.FIRST)
        chosen = {person: self.choose(keys) for person, keys in todo.items()}
        wide = []
        for person, keys in todo.items():
            doubtful = [key for key, support in zip(keys, chosen[person][1], strict=True) if support < DOUBTFUL]
            # Where more than half are unlike each other, they show nobody whom another face could be like.
            if len(doubtful) <= max(1, len(keys) // 2) or len(keys) == 2:
                wide += doubtful
        self.look(wide, Compared.EVERY)
        for person in {self.rows[key].person for key in wide}:
            chosen[person] = self.choose(todo[person])
        outcomes = {
            key: self.taken(key, face, support)
            for person, keys in todo.items()
            for key, face, support in zip(keys, *chosen[person], strict=True)
        }
        news = {key: outcome for key, outcome in outcomes.items() if outcome.row != self.rows[key]}
        news |= self.alone()
        self.rows |= {key: outcome.row for key, outcome in news.items()}
        return list(news.values())

    def alone(self) -> dict[str, Outcome]:
        """The pictures that are the only one of their person left, as far as others decided about their face before."""
        keys = [keys[0] for keys in self.people.values() if len(keys) == 1 and self.rows[keys[0]].reason]
        outcomes = self.run_tasks([self.task_of(key, Compared.NONE) for key in keys])
        return {outcome.row.key: outcome for outcome in outcomes if outcome.row.status == Status.OK}

    def kept(self) -> dict[str, np.ndarray]:
        """The embeddings that were needed, of the crops that are there now, by the crop's SHA-256."""
        several = (keys for keys in self.people.values() if len(keys) > 1)
        crops = [self.rows[key].crop_sha256 for keys in several for key in keys]
        return {crop: self.embeddings[crop] for crop in crops}

    def disagreeing(self, keys: list[str]) -> list[str]:
        """The pictures of a person whose main face the others do not show, as far as they have faces not looked at."""
        mains = np.stack([own[0] for own in self.faces(keys)])
        unlike = disagreeing(unit(mains), self.scale(keys, mains))
        return [
            key
            for key, is_unlike in zip(keys, unlike, strict=True)
            if is_unlike and (self.rows[key].faces or 0) > 1 and key not in self.choices
        ]

    def look(self, keys: list[str], compared: Compared) -> None:
        """Find the faces of pictures."""
        for outcome in self.run_tasks([self.task_of(key, compared) for key in keys]):
            if outcome.choices:
                self.choices[outcome.row.key] = outcome.choices

    def embed(self, keys: list[str]) -> None:
        """Embed the crops of pictures that have one face, as far as they are not known."""
        missing = [key for key in keys if self.rows[key].crop_sha256 not in self.embeddings]
        for start in range(0, len(missing), CROPS_AT_ONCE):
            crops = {}
            for key in missing[start : start + CROPS_AT_ONCE]:
                task = self.task_of(key, Compared.NONE)
                crops[self.rows[key].crop_sha256] = decode_image(
                    read_picture(inside(task.output_dir, self.rows[key].crop))
                )
            if crops:
                self.embeddings |= zip(crops, embed_crops(list(crops.values()), task), strict=True)

    def choose(self, keys: list[str]) -> tuple[list[int], np.ndarray]:
        """The face of each picture of a person, and how much the others support it."""
        faces = self.faces(keys)
        scale = self.scale(keys, np.stack([own[0] for own in faces]))
        return choose_faces([unit(own) for own in faces], scale)

    def faces(self, keys: list[str]) -> list[np.ndarray]:
        """The embeddings of the faces of each picture that may be taken, (f, d), the main one first."""
        found = []
        for key in keys:
            own = [choice.embedding for choice in self.choices.get(key, ())]
            found.append(np.stack(own or [self.embeddings[self.rows[key].crop_sha256]]))
        return found

    def scale(self, keys: list[str], mains: np.ndarray) -> float:
        """The cosine distance that stands for the network's threshold."""
        network = self.task_of(keys[0], Compared.NONE).network
        return network.metric.as_cosine(network.threshold, mains)

    def taken(self, key: str, face: int, support: float) -> Outcome:
        """What becomes of a picture when a face of it is taken."""
        row, png = self.rows[key], None
        if key in self.choices:
            choice = self.choices[key][face]
            # `faces` is how many the first look finds, whether or not others were looked for.
            row = replace(choice.row, faces=row.faces)
            png = choice.png if row.crop_sha256 != self.rows[key].crop_sha256 else None
            self.embeddings[row.crop_sha256] = choice.embedding
        return Outcome(replace(row, reason=OTHER_FACE if face else NOT_LIKE if support < UNLIKE else ""), png)
