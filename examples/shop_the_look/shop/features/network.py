"""Pictures are turned into vectors by the convolutional network that `train.py` made, run by ONNX Runtime."""

import os
from pathlib import Path

import numpy as np

from shop.features.pictures import Pictures, Vectors

os.environ['ORT_DISABLE_TELEMETRY'] = '1'  # ONNX Runtime sends usage data unless told before it is imported
import onnxruntime

MODEL = Path(__file__).parents[2] / 'model' / 'garments.onnx'


class NetworkExtractor:
    """Turns uint8 pictures (n, 112, 112, 3) into float32 vectors (n, 128) of length 1."""

    def __init__(self, model: Path | str = MODEL, *, threads: int = 0, batch: int = 64) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        if not Path(model).is_file():
            raise FileNotFoundError(f'no network at {model}: run train.py, or give the path of the ONNX file')
        self._session = onnxruntime.InferenceSession(str(model), options, providers=['CPUExecutionProvider'])
        self._batch = batch
        self.side = int(self._session.get_inputs()[0].shape[1])
        self.size = int(self._session.get_outputs()[0].shape[1])

    def __call__(self, pictures: Pictures) -> Vectors:
        if not len(pictures):
            return np.empty((0, self.size), np.float32)
        starts = range(0, len(pictures), self._batch)
        parts = [self._session.run(None, {'pictures': pictures[s : s + self._batch]})[0] for s in starts]
        return np.concatenate(parts)
