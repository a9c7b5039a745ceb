"""What the service teaches a work folder: by the same folders and stages as the scripts."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from faceline.disk.corrections import Correction, add_corrections, corrections_path, read_corrections
from faceline.disk.folder_locks import locked
from faceline.disk.names import CLUSTERS_FILE, EMBEDDINGS_DIR, SUSPECTS_FILE
from faceline.disk.reading import sha256
from faceline.errors import FacelineError, LockedError, UnreadableError
from faceline.evaluation.identification.identification import identify
from faceline.recognition.recognizer import Recognizer
from faceline.runs.parallel import all_cores
from faceline.service.jobs import Job, Jobs
from faceline.service.pictures import Sent
from faceline.stages.check import check
from faceline.stages.cluster import cluster
from faceline.wording import one_line
from faceline.work_folder.adding import add_photograph, check_person
from faceline.work_folder.forgetting import EVALUATIONS_DIR, Targets, forget, person_targets, photograph_targets
from faceline.work_folder.learning import learn
from faceline.work_folder.offered import offered
from faceline.work_folder.options import check_named_by_folders, check_photographs
from faceline.work_folder.people import whose
from faceline.work_folder.renaming import check_known, rename

PATIENCE_SECONDS = 10.0  # for another program to have done with a folder
LOOK_SECONDS = 0.1
MOST_ENROLLED = 4  # pictures of a person, where answers are measured

Found = TypeVar("Found")


class Teaching:
    """The changes of a work folder."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir
        # A core stays for those who ask meanwhile.
        self._jobs_count = max(1, all_cores() - 1)
        self._writing = threading.Lock()
        works = {
            "train": self._train,
            "rename": self._rename,
            "merge": self._merge,
            "forget": self._forget,
            "evaluate": self._evaluate,
        }
        self.jobs = Jobs(work_dir, works)

    def check_addable(self, person: str) -> None:
        """Raise FacelineError if nobody can be called that, or people are not learnt from their folders."""
        check_person(person)
        check_photographs(self.work_dir)
        check_named_by_folders(self.work_dir)

    def look(self, looker: Callable[[], Recognizer], picture: Sent) -> dict[str, Any]:
        """What there is to say of a picture that is to be added to a person's; `view` is there if it helps."""
        entry: dict[str, Any] = {"image": picture.name, "photograph": sha256(picture.content), "added": False}
        try:
            seen = offered(looker(), picture.content)
        except UnreadableError as error:
            return entry | {"status": "unreadable", "reason": one_line(error.reason)}
        except MemoryError:
            return entry | {"status": "unreadable", "reason": "not enough memory"}
        if not seen.faces:
            return entry | {"status": "no-face", "reason": "no face was found; it would not help"}
        entry |= {"status": "ok", "faces": seen.faces, "box": seen.box_ltrb}
        entry |= {"quality": seen.quality, "pose": seen.pose, "view": seen.view}
        return entry | ({"unclear": seen.unclear} if seen.unclear else {})

    def keep(self, person: str, picture: Sent, entry: dict[str, Any]) -> dict[str, Any]:
        """Add a picture to a person's photographs; `entry`, what `look` said, with where it is. Raises FacelineError
        if it cannot be written."""
        try:
            image, is_new = self._free(lambda: add_photograph(self.work_dir, person, picture.content))
        except UnreadableError as error:
            return entry | {"status": "unreadable", "reason": one_line(error.reason)}
        return entry | {"added": is_new, "path": image} | ({} if is_new else {"reason": "it is there already"})

    def note(self, corrections: list[Correction]) -> list[str]:
        """Add what somebody says of faces to `corrections.jsonl`; gives the ids."""

        def add() -> list[str]:
            with locked(self.work_dir):
                added = add_corrections(corrections_path(self.work_dir / EMBEDDINGS_DIR), corrections)
            return [correction.id for correction in added]

        return self._free(add)

    def corrections(self) -> list[Correction]:
        """What holds of what has been said."""
        return read_corrections(corrections_path(self.work_dir / EMBEDDINGS_DIR))

    def _free(self, work: Callable[[], Found]) -> Found:
        """What `work` gives, if no other program is at work in the folder for long; raises LockedError."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with self._writing:
                    return work()
            except LockedError:
                if time.monotonic() > until:
                    raise
                time.sleep(LOOK_SECONDS)

    def accept_rename(self, person: str, name: str) -> Job:
        check_person(name)
        check_photographs(self.work_dir)
        check_known(self.work_dir, person)
        return self.jobs.accept("rename", person=person, name=name)

    def accept_merge(self, people: list[str]) -> Job:
        check_photographs(self.work_dir)
        for person in people:
            check_known(self.work_dir, person)
        return self.jobs.accept("merge", people=people)

    def accept_forgetting(self, person: str = "", photograph: str = "", photographs: bool = False) -> Job:
        check_photographs(self.work_dir)
        found = person_targets(self.work_dir, person) if person else photograph_targets(self.work_dir, photograph)
        return self.jobs.accept("forget", targets=asdict(found), photographs=photographs)

    def accept_evaluation(self) -> Job:
        return self.jobs.accept("evaluate")

    def _train(self, fields: dict) -> dict:
        learnt = learn(self.work_dir, self._jobs_count)
        folder = self.work_dir / EMBEDDINGS_DIR
        # The tables that the page shows follow, where there are any.
        with contextlib.suppress(FacelineError):
            if (folder / CLUSTERS_FILE).exists():
                cluster(folder, jobs=self._jobs_count)
            if (folder / SUSPECTS_FILE).exists():
                check(folder, jobs=self._jobs_count)
        return learnt.record()

    def _rename(self, fields: dict) -> dict:
        moved = rename(self.work_dir, fields["person"], fields["name"])
        return {"name": fields["name"], "moved": moved} | self._train(fields)

    def _merge(self, fields: dict) -> dict:
        name, *others = fields["people"]
        moved = [image for person in others for image in rename(self.work_dir, person, name)]
        return {"name": name, "moved": moved} | self._train(fields)

    def _forget(self, fields: dict) -> dict:
        targets = Targets(**fields["targets"])
        if targets.person:
            with contextlib.suppress(FacelineError):  # there is nothing any more where a killed run has come so far
                targets = targets.joined(person_targets(self.work_dir, targets.person))
        return asdict(forget(self.work_dir, targets, photographs=fields["photographs"], jobs=self._jobs_count))

    def _evaluate(self, fields: dict) -> dict:
        folder = self.work_dir / EMBEDDINGS_DIR
        pictures = Counter(name for name in whose(self.work_dir).values() if name)
        usual = sorted(pictures.values())[len(pictures) // 2] if pictures else 0
        enrolled = max(1, min(MOST_ENROLLED, usual - 1))  # so that half of the people have some to be named
        found = identify(folder, enrolled=enrolled, jobs=self._jobs_count, output_dir=folder / EVALUATIONS_DIR)
        # The service's place on the machine is nobody's business.
        return {"text": "\n".join(line for line in str(found).splitlines() if not line.startswith("Written to "))}
