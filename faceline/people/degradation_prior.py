"""What is known of poor pictures before a gallery says anything: benchmarks/degradation_prior.py."""

# What is measured of a face, `quality` says how.
FEATURES = (
    "mirror",
    "length",
    "size",
    "bright",
    "contrast",
    "fine",
    "medium",
    "uneven",
    "flat",
    "eyes",
    "yaw",
    "long",
    "likeness",
)

# The range of each that was seen, but for 1 % on either side.
LOWEST = (0.04687, 0.8938, 5.209, 3.901, 2.913, -0.01016, 0.7142, 0.2196, 0, 0.002131, 0, -0.9701, -0.5)
HIGHEST = (0.3577, 1.104, 8.281, 7.6, 6.327, 3.506, 3.977, 1.523, 0.3949, 0.9068, 0.2746, -0.226, 2.756)

# Weights of the features, and a constant, for `Quality.lost` and for what shifts and spreads scores.
LOST = (
    2.547,
    -0.6739,
    0.06546,
    0.1627,
    0.07103,
    -0.6203,
    0.3805,
    -0.2314,
    0.07028,
    0.5798,
    -0.238,
    -0.4746,
    -0.1921,
    -0.9887,
)
SHIFTED = (
    5.322,
    -2.89,
    -0.02796,
    0.233,
    -0.2356,
    -0.7223,
    0.7779,
    -0.1011,
    1.554,
    0.9036,
    0.4908,
    -0.3188,
    -0.2544,
    2.372,
)
SHIFT, SPREAD = 0.3751, 0.4318

# Where fewer known people than this would be found among good ones, a picture is unclear.
UNCLEAR = 0.8

# What is wrong with it: the reason with the largest sum of weighted features.
REASONS = {
    "blurred": (
        7.159,
        -2.956,
        2.709,
        1.339,
        -0.76,
        -5.732,
        5.421,
        -2.413,
        6.033,
        -2.268,
        -6.702,
        0.9376,
        -0.4566,
        -18.9,
    ),
    "covered": (0.4365, 1.27, 2.041, 1.212, -0.3232, -0.02692, 1.091, -2.564, 16.99, 2.731, -3.839, 1.14, -0.1603, -21),
    "dark": (13.05, -5.454, 2.134, -5.606, 4.287, 0.1095, -4.064, 1.59, -4.078, -2.649, -5.148, -1.868, 0.2855, 13.13),
    "small": (-22.03, 14.21, -7.464, 1.979, -2.284, 4.97, -3.166, 4.113, -16.64, 1.45, 6.678, -1.826, 1.04, 27.18),
    "turned away": (
        1.383,
        -7.068,
        0.5797,
        1.077,
        -0.9199,
        0.6789,
        0.7181,
        -0.7266,
        -2.302,
        0.736,
        9.011,
        1.617,
        -0.7082,
        -0.42,
    ),
}
