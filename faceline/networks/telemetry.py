"""ONNX Runtime without its telemetry. All of Faceline gets it from here.

From 1.29 on, on Linux too, it notes an identifier of the device and events (the processor, the interpreter's path, the
network's name, counts) in the user's cache folder, and sends them to its maker.
"""

import os
import sys
from types import ModuleType

from faceline.host.sharing import Guard

VARIABLE = "ORT_DISABLE_TELEMETRY"

ONE_AT_A_TIME = Guard()


def import_onnxruntime() -> ModuleType:
    """The module `onnxruntime`, with telemetry off unless the user has said something of it in the environment.

    It reads the variable while it is imported, and never again; so the environment is as before afterwards. Where the
    program has imported it already, its events are switched off from now on.
    """
    with ONE_AT_A_TIME.lock:
        if VARIABLE in os.environ:
            import onnxruntime
        elif "onnxruntime" in sys.modules:
            import onnxruntime

            getattr(onnxruntime, "disable_telemetry_events", lambda: None)()
        else:
            os.environ[VARIABLE] = "1"
            try:
                import onnxruntime
            finally:
                os.environ.pop(VARIABLE, None)
    return onnxruntime
