"""Crops as an ONNX file takes them."""

import numpy as np

from faceline.networks.network import Network


def prepared(network: Network, colours_last: bool, pixels: np.ndarray) -> np.ndarray:
    """Crops as an ONNX file takes them: in its order of axes and colours, its mean subtracted, by its deviation."""
    order = slice(None, None, -1) if network.channels == "bgr" else slice(None)
    mean, deviation = np.array(network.mean, np.float32), np.array(network.deviation, np.float32)
    values = pixels[..., order]
    if not colours_last:  # HWC to CHW first, so that NumPy goes along rows of pixels, not three values at a time
        values, mean, deviation = values.transpose(0, 3, 1, 2), mean[:, None, None], deviation[:, None, None]
    values = np.ascontiguousarray(values).astype(np.float32)
    values -= mean
    values /= deviation
    return values
