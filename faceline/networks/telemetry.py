"""ONNX Runtime and OpenVINO without their telemetry. All of Faceline gets them from here.

ONNX Runtime, from 1.29 on, on Linux too, notes an identifier of the device and events (the processor, the interpreter's
path, the network's name, counts) in the user's cache folder, and sends them to its maker. OpenVINO tells Google that it
was imported.
"""

import os
import sys
from types import ModuleType

from faceline.errors import FacelineError
from faceline.host.sharing import Guard

VARIABLE = "ORT_DISABLE_TELEMETRY"

# What sends OpenVINO's events.
SENDER = "openvino_telemetry"

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


def import_openvino() -> ModuleType:
    """The module `openvino`, which goes without the package that sends its events where it does not find it.

    Raises
    ------
    FacelineError
        If it is not installed.
    """
    with ONE_AT_A_TIME.lock:
        before = sys.modules.get(SENDER)
        if "openvino" not in sys.modules:
            sys.modules[SENDER] = None  # type: ignore[assignment]  # as the import system has it for what is not there
        try:
            import openvino
        except ImportError:
            raise FacelineError("precision bf16 needs OpenVINO; pip install 'faceline[bf16]'") from None
        finally:
            if before is not None:
                sys.modules[SENDER] = before
            else:
                sys.modules.pop(SENDER, None)
    return openvino
