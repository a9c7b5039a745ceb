"""What a user of face_recognition writes to find all faces and their landmarks; prints the boxes of each picture.

peer_photographs.py <folder> <processes>
"""

import json
import sys
import warnings
from multiprocessing import Pool
from pathlib import Path

warnings.simplefilter("ignore")  # of pkg_resources, which face_recognition_models imports


def look(path: Path) -> tuple[str, list[tuple[int, int, int, int]]]:
    import face_recognition

    image = face_recognition.load_image_file(path)
    boxes = face_recognition.face_locations(image)
    face_recognition.face_landmarks(image, boxes)
    return path.name, [(left, top, right, bottom) for top, right, bottom, left in boxes]


if __name__ == "__main__":
    with Pool(int(sys.argv[2])) as pool:
        print(json.dumps(dict(pool.imap_unordered(look, sorted(Path(sys.argv[1]).rglob("*.jpg"))))))
