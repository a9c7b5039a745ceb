"""What a user of face_recognition writes to name the people on one photograph.

peer_startup.py <known.pickle> <photograph>
"""

import pickle
import sys
import warnings

warnings.simplefilter("ignore")  # of pkg_resources, which face_recognition_models imports
import face_recognition  # noqa: E402

if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        embeddings, names = pickle.load(file)
    image = face_recognition.load_image_file(sys.argv[2])
    for embedding in face_recognition.face_encodings(image, face_recognition.face_locations(image)):
        distances = face_recognition.face_distance(embeddings, embedding)
        nearest = distances.argmin()
        print(names[nearest] if distances[nearest] <= 0.6 else "unknown")
