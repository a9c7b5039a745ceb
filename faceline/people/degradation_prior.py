"""What is known of poor pictures before a gallery says anything: benchmarks/degradation_prior.py."""

# What is measured of a face, `quality` says how.
FEATURES = ("mirror", "length", "size", "bright", "contrast", "fine", "medium", "uneven", "flat", "eyes", "yaw", "long")

# The range of each that was seen, but for 1 % on either side.
LOWEST = (0.04687, 0.8938, 5.209, 3.901, 2.913, -0.01016, 0.7142, 0.2196, 0, 0.002131, 0, -0.9701)
HIGHEST = (0.3577, 1.104, 8.281, 7.6, 6.327, 3.506, 3.977, 1.523, 0.3949, 0.9068, 0.2746, -0.226)

# Weights of the features, and a constant, for `Quality.lost` and for what shifts and spreads scores.
LOST = (13.65, -4.701, 0.1167, 0.7238, 0.4425, -1.472, 0.1329, -0.62, 2.019, 1.524, -0.2664, -1.628, -6.066)
SHIFTED = (16.55, -8, 0.03997, 0.551, 0.1669, -1.443, 0.9742, -0.9246, 3.965, 1.675, 1.43, -0.8896, 1.378)
SHIFT, SPREAD = 0.2293, 0.2764

# Where fewer known people than this would be found among good ones, a picture is unclear.
UNCLEAR = 0.8

# What is wrong with it: the reason with the largest sum of weighted features.
REASONS = {
    "blurred": (9.501, 5.128, 3.049, 1.37, -1.065, -4.24, 4.222, -1.21, 8.614, -2.789, -9.356, 0.8854, -28.25),
    "covered": (4.893, 9.929, 2.255, 1.108, -0.8314, 1.097, 0.7155, -1.249, 20.06, 3.332, -6.862, 1.244, -30.12),
    "dark": (11.95, -1.018, 3.271, -5.436, 2.709, 1.572, -4.656, 2.349, -0.2039, -4.476, -7.919, -0.6252, 8.745),
    "small": (-34.21, -16.16, -9.822, 1.519, 0.9358, -0.1032, -0.5278, -0.1977, -30.3, 2.49, 19.36, -3.111, 63.96),
    "turned away": (7.865, 2.125, 1.246, 1.439, -1.748, 1.674, 0.247, 0.308, 1.826, 1.444, 4.78, 1.607, -14.33),
}
