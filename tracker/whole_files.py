"""Files that are written whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracker.errors import OmnitrackError


@contextmanager
def written_whole(path: Path, what: str = "") -> Iterator[Path]:
    """A file beside path, to be written in the with-block; at its end it takes the place of path, so that a reader
    never sees half a file and an old one stays until the new one is whole; half a file is not left behind. Raises
    OmnitrackError, which begins with what, where the system does not let it.
    """
    temporary = path.with_name(path.name + ".part")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OmnitrackError(f"{what}{path}: cannot be written ({error.strerror})") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
