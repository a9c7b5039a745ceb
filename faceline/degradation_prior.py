"""What is known of poor pictures before a gallery says anything: benchmarks/degradation_prior.py."""

# What is measured of a face, `quality` says how.
FEATURES = ("mirror", "length", "size", "bright", "contrast", "fine", "medium", "uneven", "flat", "eyes", "yaw", "long")

# The range of each that was seen, but for 1 % on either side.
LOWEST = (0.04533, 0.8962, 5.209, 3.505, 2.625, -0.4412, 0.3755, 0.185, 0, 0.002029, 0, -0.9903)
HIGHEST = (0.3722, 1.111, 8.15, 7.6, 6.331, 3.493, 3.979, 1.541, 0.4841, 0.9623, 0.2297, -0.2157)

# Weights of the features, and a constant, for `Quality.lost` and for what shifts and spreads scores.
LOST = (17.95, -2.58, 0.2032, 0.6367, 1.061, -2.41, 1.018, -2.02, 4.917, 2.502, -5.363, -0.2998, -11.25)
SHIFTED = (29.97, -8.913, -0.3006, 1.102, 0.1885, -3.203, 1.896, -1.016, 7.705, 2.716, -4.223, -1.45, 0.882)
SHIFT, SPREAD = 0.138, 0.1403

# Where fewer known people than this would be found among good ones, a picture is unclear.
UNCLEAR = 0.8

# What is wrong with it: the reason with the largest sum of weighted features.
REASONS = {
    "blurred": (9.239, 0.9169, 3.501, 1.185, -0.4771, -4.024, 2.929, -2.409, 2.973, -2.046, -6.197, -0.01234, -25.55),
    "covered": (3.714, 5.012, 2.472, 0.4262, -0.2704, 0.5343, -0.05647, -3.117, 13.77, 3.465, -1.895, 1.056, -20.1),
    "dark": (5.795, 2.241, 2.907, -4.271, 2.168, 0.9481, -4.206, 2.016, -0.1654, -0.7929, -10.67, 0.8022, 4.676),
    "small": (-25.45, -9.198, -9.169, 2.257, -1.091, 0.8273, 2.484, 4.638, -12.29, -1.837, 16.11, -2.509, 42.9),
    "turned away": (6.702, 1.029, 0.2889, 0.4024, -0.3293, 1.715, -1.151, -1.128, -4.295, 1.212, 2.655, 0.6634, -1.927),
}
