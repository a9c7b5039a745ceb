import dlib
import numpy as np
import pytest

from faceline.errors import FacelineError
from faceline.faces import Aligner, AlignmentOptions
from faceline.images import decode_image
from faceline.networks import NETWORKS, embed, network_named
from faceline.weights import Weights, weights_path

NETWORK = NETWORKS["dlib"]


def crop_of(path, size=150, landmarks="outerEyesAndNose"):
    image = decode_image(path.read_bytes())
    aligner = Aligner(AlignmentOptions(landmarks, size, upsample=0))
    return aligner.crop(image, aligner.find(image)[0])


def test_embeddings_are_dlib_s(photographs):
    crop = crop_of(photographs.portrait)
    model = dlib.face_recognition_model_v1(str(weights_path(NETWORK.weights)))
    embedding = embed(NETWORK, crop[None])
    assert embedding.shape == (1, 128)
    assert embedding.dtype == np.float32
    assert np.array_equal(embedding[0], np.array(model.compute_face_descriptor(crop), np.float32))


def test_an_embedding_does_not_depend_on_its_batch(photographs):
    crops = np.stack([crop_of(photographs.portrait), crop_of(photographs.stranger)])
    together = embed(NETWORK, crops)
    assert np.array_equal(together, np.concatenate([embed(NETWORK, crops[:1]), embed(NETWORK, crops[1:])]))
    assert embed(NETWORK, crops[:0]).shape == (0, 128)


@pytest.mark.parametrize("size", [96, 150, 300])
def test_same_person_near_stranger_far_at_any_size(photographs, size):
    probe = next(path for path, name in photographs.probes if name == photographs.portrait.parent.name)
    crops = [crop_of(path, size) for path in (photographs.portrait, probe, photographs.stranger)]
    first, same, other = embed(NETWORK, np.stack(crops))
    assert np.linalg.norm(first - same) < 0.5 < 0.7 < np.linalg.norm(first - other)


def test_the_tight_frame_costs_nothing_against_dlib_s_chip(photographs):
    chip = embed(NETWORK, crop_of(photographs.portrait, landmarks="dlibChip")[None])[0]
    ours = embed(NETWORK, crop_of(photographs.portrait, 96)[None])[0]
    assert np.linalg.norm(chip - ours) < 0.25


def test_the_threshold_falls_as_the_gallery_grows():
    assert NETWORK.threshold_among(1) == NETWORK.threshold == 0.6
    assert NETWORK.threshold_among(1000) < NETWORK.threshold_among(10) < 0.6


def test_unknown_networks_are_refused():
    with pytest.raises(FacelineError, match="unknown network 'vgg'; choose from dlib"):
        network_named("vgg")


def test_weights_that_were_altered_are_refused():
    with pytest.raises(FacelineError, match="damaged or replaced; install it again: pip install"):
        weights_path(Weights(NETWORK.weights.file, "0" * 64))
    with pytest.raises(FacelineError, match="No such file or directory; install it again"):
        weights_path(Weights("missing.dat", "0" * 64))
