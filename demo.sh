#!/usr/bin/env bash
# Set everything up, enrol two people from sample photographs, and name who is on two others.
set -euo pipefail
cd "$(dirname "$0")"

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

util/setup-venv.sh requirements.txt demos/requirements.txt
export PATH=$PWD/.venv/bin:$PATH

run ./util/get-samples.py .
run ./util/align-dlib.py ./training-images/ align outerEyesAndNose ./aligned-images/ --size 96
run ./batch_represent/main.py -outDir ./generated-embeddings/ -data ./aligned-images/
run ./demos/classifier.py train
printf '\nOne of these two was enrolled from other photographs, the other is a stranger. Marked copies: ./annotated/\n'
printf 'To go on with your own photographs: source .venv/bin/activate\n'
run ./demos/classifier.py infer --save ./annotated/ ./demo-photos/obama3.jpg ./demo-photos/astronaut.png
