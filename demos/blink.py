#!/usr/bin/env python3
"""When does somebody blink? In a video, or before a camera (0).

    demos/blink.py video.mp4

An eye is closed where its height over its width (Soukupová and Čech, CVWW 2016) is below 0.6 of the last two seconds'.
"""

import argparse
import contextlib
import os
import sys
from collections import deque
from itertools import count

import cv2
import numpy as np

from faceline import compat as face_recognition


def openness(features: dict[str, list[tuple[int, int]]]) -> float:
    """Height over width of the eyes, whose points are: a corner, two of the upper lid, a corner, two of the lower."""
    eyes = np.array([features["left_eye"], features["right_eye"]], float)
    heights, widths = eyes[:, [1, 2]] - eyes[:, [5, 4]], eyes[:, 0] - eyes[:, 3]
    return float(np.linalg.norm(heights, axis=2).mean() / np.linalg.norm(widths, axis=1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", help="a file, the number of a camera, or pictures as frame%%03d.jpg")
    options = parser.parse_args()
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what is wrong with a video is said below
    video = cv2.VideoCapture(int(options.video) if options.video.isdigit() else options.video)
    recent: deque[float] = deque(maxlen=50)
    rate, last, closed = video.get(cv2.CAP_PROP_FPS) or 25, (0, 0), False
    for frame in count():
        is_read, pixels = video.read()
        if not is_read:
            break
        rgb = np.ascontiguousarray(pixels[..., ::-1])  # OpenCV has BGR
        boxes = face_recognition.face_locations(rgb, number_of_times_to_upsample=0)
        for top, right, bottom, left in sorted(boxes, key=lambda box: box[2] - box[0])[-1:]:
            if max(abs(top - last[0]), abs(left - last[1])) > (right - left) / 2:  # somebody else's face
                recent.clear()
                closed = False
            ratio = openness(face_recognition.face_landmarks(rgb, [(top, right, bottom, left)])[0])
            recent.append(ratio)
            was, closed, last = closed, bool(ratio < 0.6 * np.median(recent)), (top, left)
            if closed != was:
                print(f"{frame / rate:.2f} s: the eyes {'close' if closed else 'open'}", flush=True)
    if not frame:
        print(f"blink.py: error: {options.video}: no video that can be read", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # how a camera is stopped
        main()
