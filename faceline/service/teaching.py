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
from faceline.disk.names import CLUSTERS_FILE, EMBEDDINGS_DIR, SUSPECTS_FILE, TRAINING_DIR
from faceline.disk.reading import sha256
from faceline.errors import FacelineError, LockedError, UnreadableError
from faceline.evaluation.identification.identification import identify
from faceline.recognition.recognizer import Recognizer
from faceline.runs.parallel import all_cores
from faceline.service.guarding import RefusedError, told
from faceline.service.jobs import Job, Jobs
from faceline.service.pictures import Sent
from faceline.stages.check import check
from faceline.stages.cluster import cluster
from faceline.wording import one_line
from faceline.work_folder.adding import add_photograph, check_person
from faceline.work_folder.forgetting import EVALUATIONS_DIR, Done, forget, remove_leftovers
from faceline.work_folder.learning import learn
from faceline.work_folder.offered import offered
from faceline.work_folder.options import check_named_by_folders, check_photographs
from faceline.work_folder.people import whose
from faceline.work_folder.renaming import check_known, rename
from faceline.work_folder.targets import Targets, person_targets, photograph_targets

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
        needed = {"rename": {"person", "name"}, "merge": {"people"}, "forget": {"targets", "photographs"}}
        self.jobs = Jobs(work_dir, works, ["forget"], needed)

    def start(self) -> None:
        """Remove what a killed service has left half written, and go on with what it had accepted; raises FacelineError
        if that cannot be read."""
        training = self.work_dir / TRAINING_DIR
        if training.is_dir():
            with contextlib.suppress(LockedError), locked(training):
                remove_leftovers(training)
        self.jobs.start()

    def check_addable(self, person: str) -> None:
        """Raise FacelineError if nobody can be called that, or people are not learnt from their folders."""
        check_person(person)
        self.check_not_forgotten(person)
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

    def check_there(self) -> None:
        """Raise RefusedError if somebody has removed the work folder: it is not made anew behind their back."""
        if not self.work_dir.is_dir():
            raise RefusedError(503, "the work folder is gone; put it back")

    def check_not_forgotten(self, *people: str) -> None:
        """Raise FacelineError for a name whose forgetting has not ended: nobody else may get it meanwhile."""
        for fields in self.jobs.open_fields("forget"):
            if fields["targets"].get("person") in people:
                raise FacelineError(f"{one_line(fields['targets']['person'])} is being forgotten; come again")

    def _free(self, work: Callable[[], Found]) -> Found:
        """What `work` gives, if no other program is at work in the folder for long; raises LockedError."""
        self.check_there()
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
        self.check_not_forgotten(person, name)
        check_photographs(self.work_dir)
        check_known(self.work_dir, person)
        return self.jobs.accept("rename", person=person, name=name)

    def accept_merge(self, people: list[str]) -> Job:
        self.check_not_forgotten(*people)
        check_photographs(self.work_dir)
        for person in people:
            check_known(self.work_dir, person)
        return self.jobs.accept("merge", people=people)

    def accept_forgetting(self, person: str = "", photograph: str = "", photographs: bool = False) -> Job:
        check_photographs(self.work_dir)
        again = self.jobs.again("forget", lambda fields: is_same(fields, person, photograph), photographs=photographs)
        if again is not None:
            return again
        found = person_targets(self.work_dir, person) if person else photograph_targets(self.work_dir, photograph)
        return self.jobs.accept("forget", targets=asdict(found), photographs=photographs)

    def accept_evaluation(self) -> Job:
        return self.jobs.accept("evaluate")

    def _train(self, fields: dict, keep: Callable[[], None]) -> dict:
        learnt = learn(self.work_dir, self._jobs_count)
        folder = self.work_dir / EMBEDDINGS_DIR
        # The tables that the page shows follow, where there are any.
        with contextlib.suppress(FacelineError):
            if (folder / CLUSTERS_FILE).exists():
                cluster(folder, jobs=self._jobs_count)
            if (folder / SUSPECTS_FILE).exists():
                check(folder, jobs=self._jobs_count)
        return learnt.record()

    def _rename(self, fields: dict, keep: Callable[[], None]) -> dict:
        moved = rename(self.work_dir, fields["person"], fields["name"])
        return {"name": fields["name"], "moved": moved} | self._trained_if_it_can_be()

    def _merge(self, fields: dict, keep: Callable[[], None]) -> dict:
        name, *others = fields["people"]
        moved = [image for person in others for image in rename(self.work_dir, person, name)]
        return {"name": name, "moved": moved} | self._trained_if_it_can_be()

    def _trained_if_it_can_be(self) -> dict:
        """What came of training, or why there was none, which undoes nothing of what was done before."""
        try:
            return self._train({}, lambda: None)
        except LockedError:
            raise
        except FacelineError as error:
            return {"not_learnt": told(error, self.work_dir)}

    def _forget(self, fields: dict, keep: Callable[[], None]) -> dict:
        targets, done = Targets(**fields["targets"]), Done(**fields.get("done", {}))

        def note(found: Targets) -> None:
            fields["targets"], fields["done"] = asdict(found), asdict(done)
            keep()

        with_files = fields["photographs"]
        return asdict(forget(self.work_dir, targets, done, note, photographs=with_files, jobs=self._jobs_count))

    def _evaluate(self, fields: dict, keep: Callable[[], None]) -> dict:
        folder = self.work_dir / EMBEDDINGS_DIR
        pictures = Counter(name for name in whose(self.work_dir).values() if name)
        usual = sorted(pictures.values())[len(pictures) // 2] if pictures else 0
        enrolled = max(1, min(MOST_ENROLLED, usual - 1))  # so that half of the people have some to be named
        found = identify(folder, enrolled=enrolled, jobs=self._jobs_count, output_dir=folder / EVALUATIONS_DIR)
        # The service's place on the machine is nobody's business.
        return {"text": "\n".join(line for line in str(found).splitlines() if not line.startswith("Written to "))}


def is_same(fields: dict, person: str, photograph: str) -> bool:
    """Whether a forgetting is that of a person, or of a photograph."""
    targets = fields["targets"]
    if person:
        return targets.get("person") == person
    return targets.get("person") == "" and photograph in targets.get("photographs", ())
