"""Averages over several copies of a crop."""

import numpy as np
import pytest

from faceline.disk.pictures.images import decode_image
from faceline.errors import FacelineError
from faceline.faces.aligner import Aligner
from faceline.faces.embedder import embed
from faceline.faces.options import AlignmentOptions
from faceline.faces.test_time_augmentation import PASSES, Augmentation, rotated
from faceline.networks.runtime import Runtime
from faceline.networks.table import NETWORKS

NETWORK, RUNTIME = NETWORKS["dlib"], Runtime(threads=1)


@pytest.fixture(scope="module")
def crops(photographs):
    """Two pictures of one person and one of another, (3, 96, 96, 3)."""
    probe = next(path for path, name in photographs.probes if name == photographs.portrait.parent.name)
    aligner = Aligner(AlignmentOptions(), RUNTIME)
    images = [decode_image(path.read_bytes()) for path in (photographs.portrait, probe, photographs.stranger)]
    return np.array([aligner.crop(image, aligner.find(image)[0]) for image in images])


def test_a_crop_is_turned_clockwise_about_its_middle_and_then_mirrored():
    crop = np.zeros((101, 101, 3), np.uint8)
    crop[10:13, 49:52] = 255  # above the middle, 39 pixels away
    row, column = (np.flatnonzero(rotated(crop, 30, False).any(axis=(2, axis))).mean() for axis in (1, 0))
    assert (row, column) == pytest.approx((50 - 39 * np.cos(np.pi / 6), 50 + 39 * np.sin(np.pi / 6)), abs=0.6)
    assert np.array_equal(rotated(crop, 30, True), rotated(crop, 30, False)[:, ::-1])
    assert rotated(crop, 0, False) is crop
    white = np.full((50, 50, 3), 255, np.uint8)
    assert (rotated(white, 4, False) == 255).all()  # no black corners


@pytest.mark.parametrize("passes", PASSES)
def test_an_embedding_is_the_mean_over_the_copies(crops, passes):
    augmentation = Augmentation(passes)
    together = embed(NETWORK, np.concatenate([crops] * 6), RUNTIME, augmentation)
    assert together.shape == (18, 128)
    large = np.array([augmentation.copies(crop) for crop in crops])  # a crop is turned before it is enlarged or after
    assert large.shape == (3, passes, 96, 96, 3)
    alone = np.concatenate([embed(NETWORK, crops[index : index + 1], RUNTIME, augmentation) for index in range(3)])
    assert np.array_equal(together, np.concatenate([alone] * 6))
    means = np.array([embed(NETWORK, copies, RUNTIME).mean(axis=0) for copies in large])
    assert np.abs(means - alone).max() < (1e-6 if passes == 1 else 0.03)
    same, other = (np.linalg.norm(alone[0] - embedding) for embedding in alone[1:])
    assert same < 0.5 < 0.65 < other


def test_more_passes_lie_nearer_to_the_mean_of_many_jitters(crops):
    many = embed(NETWORK, crops, RUNTIME, Augmentation(jitters=60))
    few = [embed(NETWORK, crops, RUNTIME, Augmentation(passes)) for passes in PASSES]
    apart = [np.linalg.norm(embeddings - many, axis=1).mean() for embeddings in few]
    assert apart[0] > apart[1] > apart[2]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((3, 0), "passes 3 are out of range; choose from 1, 2, 4"),
        ((True, 0), "passes True are out of range"),
        ((None, 0), "passes None are out of range"),
        ((1, -1), "jitters -1 is out of range; choose 0 to 10000"),
        ((1, "7"), "jitters '7' is out of range"),
        ((2, 5), "passes and jitters do not go together"),
    ],
)
def test_numbers_out_of_range(numbers, message):
    with pytest.raises(FacelineError, match=message):
        Augmentation(*numbers)
