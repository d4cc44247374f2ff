"""Values as the page takes them: JSON, pictures as PNG, arrays as bytes with their scale."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.responses import Response

from glassnet.files import json_value
from glassnet.report.html import data_uri

__all__ = ["as_field", "as_json", "as_png"]


def as_json(values: Any, status: int = 200) -> Response:
    """A response of JSON; paths become text, numbers that are not finite null."""
    text = json.dumps(json_value(values), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Response(text, status, media_type="application/json")


def as_field(values: NDArray[Any]) -> dict[str, Any]:
    """An array as signed bytes: value = byte * scale / 127, the scale being the largest absolute value."""
    finite = np.nan_to_num(values.astype(np.float32))
    scale = float(np.abs(finite).max(initial=0.0))
    bytes_ = np.rint(finite * (127.0 / scale if scale > 0 else 0.0)).astype(np.int8)
    return {"shape": list(values.shape), "scale": scale, "data": base64.b64encode(bytes_.tobytes()).decode("ascii")}


def as_png(pixels: NDArray[np.uint8]) -> str:
    """A picture (H, W), (H, W, 1) or (H, W, 3) as the address of a PNG that carries it whole."""
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return data_uri(file.getvalue())
