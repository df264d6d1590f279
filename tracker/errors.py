"""The error that a person can act on."""


class OmnitrackError(Exception):
    """Bad input or a bad environment. The message names the file, key or camera and what to do next.

    Commands print it on one line and exit with code 2.
    """


class NotFoundError(OmnitrackError):
    """What was asked for is not there."""


class UnreachableError(OmnitrackError):
    """The host does not answer: no network, no name, or nothing listens there."""
