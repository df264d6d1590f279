from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.uploads import hostile, photo
from tracker.photos import PhotoError, decode_photo, read_photo

HOSTILE = hostile()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_are_decoded_to_blue_green_red(kind: str) -> None:
    file = BytesIO()
    Image.new("RGB", (40, 90), (200, 30, 10)).save(file, kind)
    decoded = decode_photo(file.getvalue())
    assert decoded.shape == (90, 40, 3)
    assert decoded.dtype == np.uint8
    np.testing.assert_allclose(decoded.mean(axis=(0, 1)), (10, 30, 200), atol=6)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16"])
def test_other_kinds_of_colour_are_understood(mode: str) -> None:
    file = BytesIO()
    Image.new(mode, (40, 90)).save(file, "PNG")
    assert decode_photo(file.getvalue()).shape == (90, 40, 3)


def test_a_photo_taken_sideways_is_turned_upright() -> None:
    image = Image.new("RGB", (90, 40))
    exif = image.getexif()
    exif[0x0112] = 6
    file = BytesIO()
    image.save(file, "JPEG", exif=exif)
    assert decode_photo(file.getvalue()).shape == (90, 40, 3)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_photo_is_refused(name: str) -> None:
    with pytest.raises(PhotoError, match=r"^(is|has) "):
        decode_photo(HOSTILE[name])


@settings(max_examples=150)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=8))
def test_damaged_bytes_give_a_picture_or_a_refusal(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(photo(kind, (24, 32)))
    for at, value in changes:
        data[at % len(data)] = value
    with suppress(PhotoError):
        assert decode_photo(bytes(data)).ndim == 3


def test_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"photo .*none.jpg: cannot be read \(No such file"):
        read_photo(tmp_path / "none.jpg")
    (tmp_path / "text.jpg").write_text("text")
    with pytest.raises(PhotoError, match=r"photo .*text.jpg: is no JPEG, PNG or WebP picture"):
        read_photo(tmp_path / "text.jpg")
    (tmp_path / "a.txt").write_bytes(photo())  # the bytes count, not the name
    assert read_photo(tmp_path / "a.txt").shape == (160, 64, 3)
