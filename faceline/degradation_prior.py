"""What is known of poor pictures before a gallery says anything: benchmarks/degradation_prior.py."""

# What is measured of a face, `quality` says how.
FEATURES = ("mirror", "length", "size", "bright", "contrast", "fine", "medium", "uneven", "flat", "eyes", "yaw", "long")

# The range of each that was seen, but for 1 % on either side.
LOWEST = (0.04687, 0.8938, 5.209, 3.901, 2.913, -0.01016, 0.7142, 0.2196, 0, 0.002131, 0, -0.9701)
HIGHEST = (0.3577, 1.104, 8.281, 7.6, 6.327, 3.506, 3.977, 1.523, 0.3949, 0.9068, 0.2746, -0.226)

# Weights of the features, and a constant, for `Quality.lost` and for what shifts and spreads scores.
LOST = (13.53, -4.634, 0.1114, 0.7545, 0.4207, -1.518, 0.1945, -0.6138, 1.778, 1.568, -0.2017, -1.638, -6.14)
SHIFTED = (16.01, -7.826, 0.08213, 0.5562, 0.1707, -1.401, 0.9511, -0.9497, 3.677, 1.57, 1.52, -0.9021, 0.9459)
SHIFT, SPREAD = 0.2389, 0.2782

# Where fewer known people than this would be found among good ones, a picture is unclear.
UNCLEAR = 0.8

# What is wrong with it: the reason with the largest sum of weighted features.
REASONS = {
    "blurred": (9.196, 5.115, 3.105, 1.402, -1.102, -4.379, 4.413, -1.227, 8.082, -2.767, -9.479, 0.868, -28.78),
    "covered": (4.68, 10.08, 2.274, 1.124, -0.8532, 1.101, 0.6738, -1.265, 19.4, 3.423, -6.765, 1.368, -30.09),
    "dark": (12.09, -2.147, 3.28, -5.486, 2.81, 1.599, -4.771, 2.261, -0.9957, -4.456, -7.575, -0.573, 9.984),
    "small": (-33.65, -15.17, -9.849, 1.522, 0.7782, -0.08889, -0.3879, -0.03184, -28.4, 2.099, 19.07, -3.176, 63.16),
    "turned away": (7.676, 2.127, 1.191, 1.437, -1.633, 1.769, 0.07176, 0.2628, 1.917, 1.7, 4.755, 1.513, -14.28),
}
