"""`face_recognition.api`: all that `faceline.compat` has."""

import sys

from faceline import compat

sys.modules[__name__] = compat
