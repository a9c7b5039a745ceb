"""DeepFace's API with dlib's network, as its image starts it: gunicorn, whose processes answer one request at a time.

peer_deepface.py <home> <port> <processes>

Runs in a Python that has `deepface[api]`, `dlib-bin` and `face_recognition_models`. The weights are those of the last,
put into the folder <home>, where DeepFace would download the same.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat", "shape_predictor_5_face_landmarks.dat"
APPLICATION = "deepface.api.src.app:create_app()"

if __name__ == "__main__":
    home, port, processes = sys.argv[1:]
    package = importlib.util.find_spec("face_recognition_models")
    assert package is not None and package.origin is not None
    folder = Path(home) / ".deepface" / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    for name in WEIGHTS:
        shutil.copy(Path(package.origin).parent / "models" / name, folder / name)
    options = ["--workers", processes, "--timeout", "7200", "--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    os.environ["DEEPFACE_HOME"] = home
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *options, APPLICATION])
