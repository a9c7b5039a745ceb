"""What a user of face_recognition writes to embed the largest face of every picture; prints how many faces it found.

peer_face_recognition.py <folder> <processes>
"""

import sys
import warnings
from multiprocessing import Pool
from pathlib import Path

warnings.simplefilter("ignore")  # of pkg_resources, which face_recognition_models imports


def encode(path: Path) -> int:
    import face_recognition

    image = face_recognition.load_image_file(path)
    boxes = face_recognition.face_locations(image)
    if not boxes:
        return 0
    largest = max(boxes, key=lambda box: (box[2] - box[0]) * (box[1] - box[3]))
    return len(face_recognition.face_encodings(image, [largest]))


if __name__ == "__main__":
    with Pool(int(sys.argv[2])) as pool:
        print(sum(pool.map(encode, sorted(Path(sys.argv[1]).rglob("*.jpg")), chunksize=8)))
