"""Bundle: one file with a model, its description and its licence.

A .mien file is a zip whose members are stored (never compressed) and start at multiples of 64 bytes, so that they can
be mapped into memory: `manifest.json`, the blobs that it lists with their SHA-256, and optionally `signature.ed25519`
(64 bytes over the manifest's bytes, behind the signer's 32-byte public key). Everything is checked before any engine
sees a byte.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mien._checks import as_path
from mien.errors import BundleError, MissingExtraError
from mien.manifest import Manifest

ALIGNMENT = 64
MAX_BYTES = 512 << 20
MAX_MANIFEST_BYTES = 4 << 20
MAX_MEMBERS = 256
MANIFEST = "manifest.json"
SIGNATURE = "signature.ed25519"

_MEMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_END = struct.Struct("<4s4H2IH")
_KEY_BYTES = 32
_PADDING_FIELD = 0xD935  # the extra-field id that Android's zipalign uses for padding


class Bundle:
    """An opened, verified .mien file. Use `Bundle.open`; close it or use it as a context manager.

    Attributes:
        path: where it came from.
        manifest: the parsed description.
        signer: the hex public key whose signature was verified, or None.
    """

    def __init__(self, path: Path, manifest: Manifest, members: dict[str, memoryview], signer: str | None) -> None:
        self.path = path
        self.manifest = manifest
        self.signer = signer
        self._members = members

    @classmethod
    def open(cls, path: str | os.PathLike[str], trust: Iterable[bytes] | None = None) -> Bundle:
        """Maps and verifies a bundle.

        Args:
            trust: raw 32-byte Ed25519 public keys, by one of which the bundle must be signed; None asks for no
                signature.

        Raises:
            BundleError: missing, empty, truncated, altered, over-sized, path-escaping, compressed, or unsigned file;
                `trust` holds no key, or something else than keys.
        """
        keys = None if trust is None else trusted(trust)
        where = as_path(path, BundleError, "bundle.missing")
        try:
            size = where.stat().st_size
        except (OSError, ValueError) as error:
            raise BundleError(
                "bundle.missing", f"Cannot read the bundle {where}: {error}.", "Check the path."
            ) from error
        if size == 0:
            raise BundleError("bundle.truncated", f"{where} is empty.", "Copy or import it again.")
        if size > MAX_BYTES:
            raise BundleError(
                "bundle.oversized", f"{where} has {size} bytes, more than {MAX_BYTES}.", "Is this a bundle?"
            )
        try:
            with where.open("rb") as file:
                data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                members = _members(where, file, data)
        except OSError as error:
            raise BundleError(
                "bundle.missing", f"Cannot read the bundle {where}: {error.strerror}.", "Is it a file, and readable?"
            ) from error
        text = bytes(members.pop(MANIFEST))
        signature = members.pop(SIGNATURE, None)
        manifest = Manifest.parse(text)
        for name in members.keys() ^ manifest.blobs.keys():
            where_missing = "the file" if name in manifest.blobs else "the manifest"
            raise BundleError("bundle.members", f"{name} is missing from {where_missing}.", "Import the model again.")
        for name, digest in manifest.blobs.items():
            if hashlib.sha256(members[name]).hexdigest() != digest:
                raise BundleError("bundle.altered", f"{where}: {name} differs from its SHA-256.", "Get a fresh copy.")
        signer = None if keys is None else _verify(where, text, signature, keys)
        return cls(where, manifest, members, signer)

    def blob(self, name: str) -> memoryview:
        """The bytes of one member, mapped read-only. Raises BundleError if there is none."""
        try:
            return self._members[name]
        except KeyError:
            raise BundleError("bundle.members", f"{self.path} has no member {name!r}.", "") from None

    def native(self) -> tuple[str, str, dict[str, memoryview]]:
        """What the native core takes for a bundle: its path, its manifest as JSON, and its blobs by name."""
        return str(self.path), json.dumps(self.manifest.root.fields), dict(self._members)

    def names(self) -> list[str]:
        """The names of the blobs."""
        return sorted(self._members)

    @staticmethod
    def write(
        path: str | os.PathLike[str],
        manifest: Mapping[str, Any],
        blobs: Mapping[str, bytes | memoryview],
        key: bytes | None = None,
    ) -> None:
        """Writes a bundle, whole or not at all; equal inputs give equal bytes.

        Args:
            manifest: as docs/bundle.md describes, without `blobs`, whose hashes are filled in here.
            key: raw 32-byte Ed25519 private key to sign with.

        Raises:
            BundleError: the manifest, a member name, a blob or the key is invalid, or the file cannot be written.
        """
        target = as_path(path, BundleError, "bundle.write")
        if not isinstance(manifest, Mapping) or not isinstance(blobs, Mapping):
            raise BundleError("bundle.type", "Manifest and blobs are mappings.", "See docs/bundle.md.")
        _check_names(blobs)
        for name, blob in blobs.items():
            if name.casefold() in (MANIFEST, SIGNATURE):
                raise BundleError("bundle.path", f"A blob cannot be named {name}.", "Put it into a folder.")
            if not isinstance(blob, (bytes, bytearray, memoryview)):
                raise BundleError("bundle.type", f"{name} is a {type(blob).__name__}, not bytes.", "")
        full = {**manifest, "blobs": {name: hashlib.sha256(blob).hexdigest() for name, blob in sorted(blobs.items())}}
        try:
            text = json.dumps(full, indent=1, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise BundleError("manifest.json", f"The manifest cannot be written as JSON ({error}).", "") from error
        Manifest.parse(text)
        members: dict[str, bytes | memoryview] = {MANIFEST: text}
        if key is not None:
            private = _private_key(key)
            members[SIGNATURE] = private.public_key().public_bytes_raw() + private.sign(text)
        members.update(sorted(blobs.items()))
        if (
            len(members) > MAX_MEMBERS
            or sum(memoryview(m).nbytes for m in members.values()) > MAX_BYTES - MAX_MANIFEST_BYTES
        ):
            raise BundleError(
                "bundle.oversized", f"{len(members)} members are too many or too large.", "Split the model."
            )
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
                for name, blob in members.items():
                    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                    start = archive.fp.tell() + _LOCAL_HEADER.size + len(name) + 4  # type: ignore[union-attr]
                    info.extra = _padding(-start % ALIGNMENT)
                    info.external_attr = 0o644 << 16
                    archive.writestr(info, bytes(blob))
            partial.replace(target)
        except OSError as error:
            raise BundleError(
                "bundle.write", f"Cannot write {target}: {error.strerror}.", "Check the folder."
            ) from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def close(self) -> None:
        """Lets go of the mapped memory. Engines that still use it keep it alive."""
        for view in self._members.values():
            with suppress(BufferError):
                view.release()
        self._members.clear()

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def new_key() -> tuple[bytes, bytes]:
    """A new Ed25519 signing key: (private, public), 32 raw bytes each. Raises MissingExtraError."""
    private = _ed25519().Ed25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise MissingExtraError("sign", "cryptography", "Signing and trust") from error
    return ed25519


def _private_key(key: bytes) -> Any:
    try:
        return _ed25519().Ed25519PrivateKey.from_private_bytes(key)
    except (TypeError, ValueError) as error:
        raise BundleError(
            "bundle.key", "An Ed25519 private key is 32 raw bytes.", "Make one with new_key()."
        ) from error


def trusted(trust: Iterable[bytes]) -> list[bytes]:
    """The trusted keys as a list: asking for trust and naming no key must not mean that anything goes."""
    keys = [] if isinstance(trust, (str, bytes, bytearray)) or not isinstance(trust, Iterable) else list(trust)
    if not keys or not all(isinstance(key, bytes) and len(key) == _KEY_BYTES for key in keys):
        raise BundleError(
            "bundle.trust",
            f"`trust` is a list of raw {_KEY_BYTES}-byte Ed25519 public keys, at least one.",
            "Give None to open bundles without asking for a signature.",
        )
    return keys


def _verify(where: Path, text: bytes, signature: memoryview | None, trust: list[bytes]) -> str:
    if signature is None:
        raise BundleError("bundle.unsigned", f"{where} is not signed.", "Sign it, or open it without `trust`.")
    signer, seal = bytes(signature[:_KEY_BYTES]), bytes(signature[_KEY_BYTES:])
    if signer not in trust:
        raise BundleError("bundle.untrusted", f"{where} is signed by {signer.hex()}, which is not trusted.", "")
    try:
        _ed25519().Ed25519PublicKey.from_public_bytes(signer).verify(seal, text)
    except MissingExtraError:
        raise
    except Exception as error:
        raise BundleError("bundle.altered", f"{where}: the signature does not fit the manifest.", "") from error
    return signer.hex()


def _check_names(names: Iterable[Any]) -> None:
    """Refuses names that are no plain relative paths, or that a file system may take for one another."""
    seen: set[str] = set()
    for name in names:
        if not isinstance(name, str) or not _MEMBER.fullmatch(name) or len(name) > 200:
            raise BundleError(
                "bundle.path", f"Member name {name!r} is not a plain relative path.", "Do not trust this file."
            )
        if name.casefold() in seen:
            raise BundleError("bundle.members", f"Two members are named {name}; upper and lower case count as one.", "")
        seen.add(name.casefold())


def _padding(length: int) -> bytes:
    """The extra field in front of a member's data, so that the data is aligned."""
    return struct.pack("<HH", _PADDING_FIELD, length) + bytes(length)


@contextmanager
def _as_damage(where: Path) -> Any:
    """Whatever the zip reader trips over is the same to the caller: a damaged file."""
    try:
        yield
    except BundleError:
        raise
    except Exception as error:
        raise BundleError(
            "bundle.truncated", f"{where} is not a complete bundle ({error}).", "Copy or import it again."
        ) from error


def _check_directory(where: Path, data: memoryview) -> int:
    """Where the directory begins. Refuses one too large to be read safely, or not the plain end that mien writes."""
    at = len(data) - _END.size
    if at < 0 or bytes(data[at : at + 4]) != b"PK\x05\x06":
        raise BundleError("bundle.truncated", f"{where} does not end as a bundle does.", "Copy or import it again.")
    _, disk, first_disk, here, entries, size, offset, comment = _END.unpack_from(data, at)
    if entries > MAX_MEMBERS:
        raise BundleError("bundle.oversized", f"{where} has {entries} members.", f"At most {MAX_MEMBERS}.")
    if disk or first_disk or here != entries or comment or offset + size != at:
        raise BundleError(
            "bundle.altered", f"{where}: the zip directory is not where it should be.", "Get a fresh copy."
        )
    return int(offset)


def _members(where: Path, file: Any, data: memoryview) -> dict[str, memoryview]:
    """The stored members as views of the mapped file, after all structural checks."""
    members: dict[str, memoryview] = {}
    directory = _check_directory(where, data)
    with _as_damage(where), zipfile.ZipFile(file) as archive:
        entries = sorted(archive.infolist(), key=lambda info: info.header_offset)
        _check_names(info.filename for info in entries)
        at = 0
        for info in entries:
            start = _check_member(where, info, data, at)
            at = start + info.file_size
            members[info.filename] = data[start:at]
        if at != directory:
            raise BundleError("bundle.altered", f"{where}: {directory - at} bytes belong to no member.", "")
    if MANIFEST not in members:
        raise BundleError("bundle.members", f"{where} has no {MANIFEST}.", "Is this a .mien file? See `mien import`.")
    return members


def _check_member(where: Path, info: zipfile.ZipInfo, data: memoryview, at: int) -> int:
    """Where a member's data begins; its header must stand at `at`, where the member before it ended."""
    name = info.filename
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise BundleError(
            "bundle.compressed",
            f"{where}: {name} is compressed ({info.compress_size} -> {info.file_size} bytes).",
            "Bundle members are stored; do not trust this file.",
        )
    if info.flag_bits & 1:
        raise BundleError("bundle.compressed", f"{where}: {name} is encrypted.", "")
    if not stat.S_ISREG(mode := info.external_attr >> 16) and stat.S_IFMT(mode):
        raise BundleError("bundle.members", f"{where}: {name} is not a regular file.", "Do not trust this file.")
    if info.header_offset != at:
        how = "overlaps the member before it" if info.header_offset < at else "does not follow the member before it"
        raise BundleError("bundle.altered", f"{where}: {name} {how}.", "Do not trust this file.")
    head = _LOCAL_HEADER.unpack_from(data, at)
    name_at = at + _LOCAL_HEADER.size
    extra_at = name_at + head[9]
    start: int = extra_at + head[10]
    if head[0] != b"PK\x03\x04" or bytes(data[name_at:extra_at]) != name.encode():
        raise BundleError("bundle.altered", f"{where}: the two headers of {name} differ.", "")
    if start + info.file_size > len(data):
        raise BundleError("bundle.truncated", f"{where} ends inside {name}.", "Copy it again.")
    if name in (MANIFEST, SIGNATURE) and info.file_size > MAX_MANIFEST_BYTES:
        raise BundleError("bundle.oversized", f"{where}: {name} has {info.file_size} bytes.", "")
    padding = -(extra_at + 4) % ALIGNMENT
    if bytes(data[extra_at:start]) != _padding(padding) or info.extra != _padding(padding) or info.comment:
        raise BundleError("bundle.altered", f"{where}: {name} is not aligned to {ALIGNMENT} bytes.", "")
    if zlib.crc32(data[start : start + info.file_size]) != info.CRC:
        raise BundleError("bundle.altered", f"{where}: {name} fails its checksum.", "Copy it again.")
    return start
