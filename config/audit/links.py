"""How one sealed row hangs on the one before. The verifier in an evidence pack does the same, on its own."""

import hashlib

GENESIS = bytes(32)  # the link before the first row
BATCH = 500  # rows under one seal, at most


def link_of(previous: bytes, sequence: int, table: str, row: int, digest: bytes) -> bytes:
    """The link of one row: SHA-256 over `previous|sequence|table|row|digest`, hashes in lower-case hex."""
    text = f"{previous.hex()}|{sequence}|{table}|{row}|{digest.hex()}"
    return hashlib.sha256(text.encode()).digest()
