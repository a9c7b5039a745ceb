"""What is known of poor pictures before a gallery says anything: benchmarks/degradation_prior.py."""

# What is measured of a face, `quality` says how.
FEATURES = ("mirror", "length", "size", "bright", "contrast", "fine", "medium", "uneven", "flat", "eyes", "yaw", "long")

# The range of each that was seen, but for 1 % on either side.
LOWEST = (0.04687, 0.8938, 5.209, 3.901, 2.913, -0.01016, 0.7142, 0.2196, 0, 0.002131, 0, -0.9701)
HIGHEST = (0.3577, 1.104, 8.281, 7.6, 6.327, 3.506, 3.977, 1.523, 0.3949, 0.9068, 0.2746, -0.226)

# Weights of the features, and a constant, for `Quality.lost` and for what shifts and spreads scores.
LOST = (13.67, -4.701, 0.1274, 0.6722, 0.4511, -1.401, 0.04276, -0.5697, 2.287, 1.472, -0.4065, -1.597, -5.941)
SHIFTED = (17.24, -8.398, -0.003541, 0.5605, 0.1588, -1.485, 0.9673, -0.8659, 4.521, 1.825, 1.462, -0.9047, 1.88)
SHIFT, SPREAD = 0.2173, 0.2876

# Where fewer known people than this would be found among good ones, a picture is unclear.
UNCLEAR = 0.8

# What is wrong with it: the reason with the largest sum of weighted features.
REASONS = {
    "blurred": (11.79, 2.662, 3.024, 1.503, -1.126, -4.451, 4.112, -1.407, 7.262, -2.302, -8.763, 0.007794, -26.38),
    "covered": (7.789, 8.032, 2.143, 1.214, -0.7606, 0.415, 1.159, -1.232, 19.11, 4.065, -6.316, 0.398, -29.6),
    "dark": (15.36, -1.404, 3.345, -5.108, 3.178, 1.56, -5.277, 2.119, -0.4308, -3.55, -9.471, -0.9976, 4.849),
    "small": (-44.57, -9.299, -9.743, 1.015, 0.4927, 0.8242, -0.07902, -0.0331, -25.7, -0.08077, 18.63, -0.4166, 63.15),
    "turned away": (9.634, 0.008506, 1.231, 1.378, -1.784, 1.652, 0.0855, 0.5532, -0.2411, 1.868, 5.92, 1.008, -12.02),
}
