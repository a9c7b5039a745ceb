"""From a picture to named faces."""
