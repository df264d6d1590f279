import hashlib
import socket
from pathlib import Path

import pytest

from tests.inference.file_server import FileServer
from tracker.errors import OmnitrackError, UnreachableError
from tracker.inference.checksum import sha256_of
from tracker.inference.download import download

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "weights.bin"


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def test_whole_file_arrives_with_progress(server: FileServer, target: Path) -> None:
    server.files["/w"] = CONTENT
    seen: list[tuple[int, int | None]] = []
    digest = download(server.url("/w"), target, SHA256, len(CONTENT), lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert digest == SHA256 == sha256_of(target)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert not part_of(target).exists()


def test_broken_answers_are_continued_where_they_ended(server: FileServer, target: Path) -> None:
    server.files["/w"] = CONTENT
    server.breaks = [1000, 500]
    download(server.url("/w"), target, SHA256, retry_seconds=0)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000-", "bytes=1500-"]


def test_answers_that_stay_truncated_are_an_error_and_a_later_run_continues(server: FileServer, target: Path) -> None:
    server.files["/w"] = CONTENT
    server.breaks = [100, 100, 100, 100]
    with pytest.raises(OmnitrackError, match=r"closed after 400 of 256000 bytes; run again"):
        download(server.url("/w"), target, SHA256, retry_seconds=0)
    assert not target.exists()
    assert part_of(target).stat().st_size == 400
    download(server.url("/w"), target, SHA256)
    assert target.read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=400-"


def test_server_without_ranges_starts_over(server: FileServer, target: Path) -> None:
    server.files["/w"] = CONTENT
    server.honours_ranges = False
    server.breaks = [1000]
    download(server.url("/w"), target, SHA256, retry_seconds=0)
    assert target.read_bytes() == CONTENT


def test_part_file_that_is_already_whole_is_accepted(server: FileServer, target: Path) -> None:
    server.files["/w"] = CONTENT
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT)
    download(server.url("/w"), target, SHA256)
    assert target.read_bytes() == CONTENT


def test_without_a_checksum_an_old_part_file_is_not_trusted(server: FileServer, target: Path) -> None:
    server.files["/w"] = CONTENT
    target.parent.mkdir()
    part_of(target).write_bytes(b"of an older version")
    assert download(server.url("/w"), target, None) == SHA256
    assert target.read_bytes() == CONTENT


def test_wrong_checksum_is_thrown_away(server: FileServer, target: Path) -> None:
    server.files["/w"] = CONTENT[:-1] + b"!"
    with pytest.raises(OmnitrackError, match=rf"sha256 is [0-9a-f]{{64}} instead of {SHA256}"):
        download(server.url("/w"), target, SHA256)
    assert list(target.parent.iterdir()) == []


def test_wrong_size_is_thrown_away(server: FileServer, target: Path) -> None:
    server.files["/w"] = CONTENT
    with pytest.raises(OmnitrackError, match="256000 bytes instead of 5"):
        download(server.url("/w"), target, None, size=5)
    assert list(target.parent.iterdir()) == []


def test_wrong_checksum_leaves_an_earlier_file_alone(server: FileServer, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"good")
    server.files["/w"] = CONTENT
    with pytest.raises(OmnitrackError, match="sha256"):
        download(server.url("/w"), target, "0" * 64)
    assert target.read_bytes() == b"good"


def test_missing_file_is_told_at_once(server: FileServer, target: Path) -> None:
    with pytest.raises(OmnitrackError, match="404"):
        download(server.url("/nothing"), target, SHA256)
    assert len(server.ranges) == 1


def test_server_trouble_is_retried(server: FileServer, target: Path) -> None:
    server.files["/w"] = CONTENT
    server.failures = [503, 500]
    download(server.url("/w"), target, SHA256, retry_seconds=0)
    assert target.read_bytes() == CONTENT


def test_closed_port_is_unreachable(target: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UnreachableError, match=rf"127\.0\.0\.1:{port} cannot be reached"):
        download(f"http://127.0.0.1:{port}/w", target, SHA256)


def test_host_that_never_answers_is_given_up(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.inference.download.CONNECT_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with pytest.raises(UnreachableError, match=rf"127\.0\.0\.1:{port}"):
            download(f"http://127.0.0.1:{port}/w", target, SHA256)


def test_only_http_is_spoken(tmp_path: Path, target: Path) -> None:
    with pytest.raises(OmnitrackError, match="only http"):
        download((tmp_path / "file").as_uri(), target, None)


def test_cache_that_cannot_be_written(server: FileServer, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_bytes(b"")
    with pytest.raises(OmnitrackError, match="cannot be written"):
        download(server.url("/w"), blocker / "weights.bin", SHA256)
