import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.store.walk import unhurried
from tracker.store.packing import MAX_BOXES, ROW, Chunk, pack_vector, unpack, unpack_vector

floats = st.floats(-1e6, 1e6, width=32)
sightings = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 4_900_000), st.tuples(*[floats] * 4), st.floats(0, 1, width=32)),
    min_size=1,
    max_size=MAX_BOXES,
)


@unhurried
@given(st.integers(0, 2**40), st.integers(0, 2**60), sightings)
def test_every_box_returns_bit_for_bit(
    frame: int, start_us: int, seen: list[tuple[int, int, tuple[float], float]]
) -> None:
    chunk = Chunk(frame, start_us)
    for offset, offset_us, box, score in seen:
        chunk.add(frame + offset, start_us + offset_us, np.array(box, np.float32), score)
    frames, times_us, boxes_xyxy, scores = unpack(**chunk.row())
    assert frames.tolist() == [frame + offset for offset, *_ in seen]
    assert times_us.tolist() == [start_us + offset_us for _, offset_us, *_ in seen]
    np.testing.assert_array_equal(boxes_xyxy, np.array([box for *_, box, _ in seen], np.float32))
    np.testing.assert_array_equal(scores, np.array([score for *_, score in seen], np.float32))


def test_a_box_takes_26_bytes() -> None:
    assert ROW.itemsize == 26


def test_a_chunk_refuses_what_would_not_fit() -> None:
    chunk = Chunk(10, 1_000_000)
    assert chunk.accepts(10, 1_000_000)
    assert not chunk.accepts(10, 999_999)
    assert not chunk.accepts(9, 1_000_000)
    assert not chunk.accepts(10 + 2**16, 1_000_000)
    assert not chunk.accepts(11, 6_000_001)
    for _ in range(MAX_BOXES):
        chunk.add(10, 1_000_000, np.zeros(4, np.float32), 0.5)
    assert not chunk.accepts(10, 1_000_000)


def test_no_boxes_unpack_to_nothing() -> None:
    frames, times_us, boxes_xyxy, scores = unpack(0, 0, b"")
    assert (frames.shape, times_us.shape, boxes_xyxy.shape, scores.shape) == ((0,), (0,), (0, 4), (0,))


def test_vectors_return_as_unit_vectors_to_float16_precision() -> None:
    direction = np.random.default_rng(0).normal(size=512).astype(np.float32)
    vector = unpack_vector(pack_vector(direction * 7))
    assert abs(np.linalg.norm(vector) - 1) < 1e-3
    np.testing.assert_allclose(vector, direction / np.linalg.norm(direction), atol=2e-4)
