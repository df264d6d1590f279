from pathlib import Path

import numpy as np
import pytest

from tracker.errors import OmnitrackError
from tracker.evaluation.mot import MotRows, format_mot, read_mot, write_mot


def rows_of(*rows: tuple[float, ...]) -> MotRows:
    """frame, id, x1, y1, x2, y2, conf, X, Y"""
    table = np.array(rows, np.float64).reshape(-1, 9)
    return MotRows(
        table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:6], table[:, 6], table[:, 7:9]
    )


def test_an_empty_file_holds_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "empty.txt"
    file.write_text("")
    assert len(read_mot(file)) == 0
    assert format_mot(read_mot(file)) == ""


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    rows = rows_of((2, 7, 10, 20, 40, 90, 0.9, 1.5, -2.25), (1, 3, 0.5, 1.25, 8, 30, 1, np.nan, np.nan))
    write_mot(tmp_path / "cam.txt", rows)
    again = read_mot(tmp_path / "cam.txt")
    assert again.frames.tolist() == [1, 2]
    assert again.ids.tolist() == [3, 7]
    np.testing.assert_allclose(again.boxes_xyxy, rows.boxes_xyxy[[1, 0]], atol=0.011)
    np.testing.assert_allclose(again.ground_metres, rows.ground_metres[[1, 0]])
    assert list(tmp_path.iterdir()) == [tmp_path / "cam.txt"]


def test_short_rows_count_as_certain_and_without_position(tmp_path: Path) -> None:
    file = tmp_path / "short.txt"
    file.write_text("4 1 10 20 30 40\n")
    rows = read_mot(file)
    assert rows.conf.tolist() == [1.0]
    assert rows.boxes_xyxy.tolist() == [[10, 20, 40, 60]]
    assert np.isnan(rows.ground_metres).all()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("1,1,2,3,4\n", "at least 6 columns"),
        ("1,1,2,3,4,5\n1,1,2,x,4,5\n", ":2: could not convert"),
        ("1,1,nan,3,4,5\n", "not finite"),
        ("1,1,2,3,0,5\n", "width and height must be positive"),
        ("0,1,2,3,4,5\n", "frames are whole numbers from 1"),
        ("1.5,1,2,3,4,5\n", "frames are whole numbers from 1"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(OmnitrackError, match=complaint):
        read_mot(file)


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=r"gone\.txt: no such file"):
        read_mot(tmp_path / "gone.txt")
    binary = tmp_path / "video.txt"
    binary.write_bytes(b"\x00\xff\xfe\x80")
    with pytest.raises(OmnitrackError, match="not a readable MOT text file"):
        read_mot(binary)
