"""The error of this library that a person can act on."""


class ReidError(Exception):
    """Bad input: the message names the file or key and what to do next."""
