"""mien.bundle: what a .mien file is, written and read by the rules."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien import bundle
from mien.bundle import Bundle, new_key
from mien.errors import BundleError

BASE: dict[str, Any] = {"schema": 1, "name": "test", "task": "face", "licence": {"spdx": "CC0-1.0"}, "networks": {}}
BLOBS = {"onnx/a.onnx": b"abc" * 50, "data/b.bin": bytes(range(256))}
NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}(/[a-z0-9][a-z0-9._-]{0,8}){0,2}", fullmatch=True)


def written(folder: Path, blobs: dict[str, bytes] = BLOBS, key: bytes | None = None, name: str = "a.mien") -> Path:
    Bundle.write(folder / name, BASE, blobs, key)
    return folder / name


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(BundleError) as refused:
        Bundle.open(path, **options)
    return refused.value.code


@given(blobs=st.dictionaries(NAMES, st.binary(max_size=300), max_size=5))
def test_what_is_written_is_read_back(blobs: dict[str, bytes], tmp_path: Path) -> None:
    with Bundle.open(written(tmp_path, blobs)) as opened:
        assert {name: bytes(opened.blob(name)) for name in opened.names()} == blobs
        assert opened.manifest.name == "test"


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    one = written(tmp_path, BLOBS, name="one.mien")
    other = written(tmp_path, dict(reversed(BLOBS.items())), name="other.mien")
    assert one.read_bytes() == other.read_bytes()


@given(blobs=st.dictionaries(NAMES, st.binary(max_size=300), max_size=5))
def test_every_member_is_stored_and_starts_at_a_multiple_of_64(blobs: dict[str, bytes], tmp_path: Path) -> None:
    path = written(tmp_path, blobs, key=bytes(32))
    raw = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            header = raw[info.header_offset : info.header_offset + 30]
            start = info.header_offset + 30 + int.from_bytes(header[26:28], "little")
            start += int.from_bytes(header[28:30], "little")
            assert start % 64 == 0
            assert info.compress_type == zipfile.ZIP_STORED
            assert raw[start : start + info.file_size] == archive.read(info)


def test_the_manifest_lists_the_hash_of_every_blob(tmp_path: Path) -> None:
    with zipfile.ZipFile(written(tmp_path)) as archive:
        listed = json.loads(archive.read("manifest.json"))["blobs"]
    assert listed == {name: hashlib.sha256(blob).hexdigest() for name, blob in BLOBS.items()}


def test_blobs_are_mapped_read_only(tmp_path: Path) -> None:
    with Bundle.open(written(tmp_path)) as opened:
        view = opened.blob("onnx/a.onnx")
        assert view.readonly
        assert bytes(view) == BLOBS["onnx/a.onnx"]


def test_an_unknown_member_is_refused(tmp_path: Path) -> None:
    with Bundle.open(written(tmp_path)) as opened, pytest.raises(BundleError) as refused:
        opened.blob("onnx/c.onnx")
    assert refused.value.code == "bundle.members"


def test_a_closed_bundle_hands_out_nothing(tmp_path: Path) -> None:
    opened = Bundle.open(written(tmp_path))
    opened.close()
    with pytest.raises(BundleError):
        opened.blob("onnx/a.onnx")


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a//b", "a/../b", "a\\b", "C:/a", "", ".hidden", "a/", "ä", "a b", "a\0b", "a" * 201]
)
def test_a_member_name_that_is_no_plain_path_is_not_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as refused:
        written(tmp_path, {name: b""})
    assert refused.value.code == "bundle.path"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["manifest.json", "signature.ed25519"])
def test_a_blob_cannot_take_the_place_of_mien_s_own_members(name: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as refused:
        written(tmp_path, {name: b"{}"}, key=bytes(32))
    assert refused.value.code == "bundle.path"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"schema": 2}, "manifest.schema"),
        ({"licence": {}}, "manifest.field"),
        ({"date": object()}, "manifest.json"),
        ({"threshold": float("nan")}, "manifest.json"),
    ],
)
def test_a_manifest_that_could_not_be_opened_is_not_written(change: dict[str, Any], code: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as refused:
        Bundle.write(tmp_path / "a.mien", {**BASE, **change}, {})
    assert refused.value.code == code
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_no_file(
    failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = zipfile.ZipFile.writestr, []

    def fail_at_third(archive: zipfile.ZipFile, *args: Any) -> None:
        calls.append(args)
        if len(calls) == 3:
            raise failure
        write(archive, *args)

    monkeypatch.setattr(zipfile.ZipFile, "writestr", fail_at_third)
    with pytest.raises((BundleError, KeyboardInterrupt)):
        written(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_keeps_the_bundle_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(5, "I/O error")))
    with pytest.raises(BundleError) as refused:
        written(tmp_path, {"other": b"1"})
    assert refused.value.code == "bundle.write"
    assert path.read_bytes() == before


@pytest.mark.parametrize("place", ["missing/a.mien", "file/a.mien"])
def test_a_bundle_that_cannot_be_written_is_an_error(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError) as refused:
        Bundle.write(tmp_path / place, BASE, {})
    assert refused.value.code == "bundle.write"


def test_a_signed_bundle_is_trusted_by_its_key(tmp_path: Path) -> None:
    private, public = new_key()
    with Bundle.open(written(tmp_path, key=private), trust=[new_key()[1], public]) as opened:
        assert opened.signer == public.hex()


def test_without_trust_a_signature_proves_nothing(tmp_path: Path) -> None:
    with Bundle.open(written(tmp_path, key=new_key()[0])) as opened:
        assert opened.signer is None


def test_an_unsigned_bundle_is_refused_where_trust_is_asked_for(tmp_path: Path) -> None:
    assert refusal(written(tmp_path), trust=[new_key()[1]]) == "bundle.unsigned"


def test_a_bundle_signed_by_a_stranger_is_refused(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, key=new_key()[0]), trust=[new_key()[1]]) == "bundle.untrusted"


def test_a_signature_of_another_manifest_is_refused(tmp_path: Path) -> None:
    private, public = new_key()
    with zipfile.ZipFile(written(tmp_path, key=private)) as archive:
        seal = archive.read(bundle.SIGNATURE)
    forged = tmp_path / "forged.mien"
    data = written(tmp_path, {}, key=new_key()[0]).read_bytes()
    with zipfile.ZipFile(tmp_path / "a.mien") as archive:
        info = archive.getinfo(bundle.SIGNATURE)
        data = data.replace(archive.read(info), seal)
        data = data.replace(struct.pack("<I", info.CRC), struct.pack("<I", zlib.crc32(seal)))
    forged.write_bytes(data)
    assert refusal(forged, trust=[public]) == "bundle.altered"


def test_trust_of_none_asks_for_no_signature(tmp_path: Path) -> None:
    with Bundle.open(written(tmp_path), trust=None) as opened:
        assert opened.signer is None


@pytest.mark.parametrize("trust", [[], (), b"", bytes(32), "k" * 32, ["ab" * 32], [b"short"], [None], 5])
def test_trust_that_names_no_key_is_refused(trust: Any, tmp_path: Path) -> None:
    assert refusal(written(tmp_path, key=new_key()[0]), trust=trust) == "bundle.trust"


@pytest.mark.parametrize("path", [None, 5, b"a.mien", "a\0b", "a" * 5000])
def test_what_is_no_path_is_refused(path: Any) -> None:
    assert refusal(path) == "bundle.missing"


@pytest.mark.parametrize(
    ("manifest", "blobs", "code"),
    [
        (None, {}, "bundle.type"),
        (BASE, None, "bundle.type"),
        (BASE, {"a": "text"}, "bundle.type"),
        (BASE, {"a": 5}, "bundle.type"),
        (BASE, {5: b""}, "bundle.path"),
        (BASE, {"a": b"", "A": b""}, "bundle.members"),
    ],
)
def test_what_is_no_manifest_or_blob_is_not_written(manifest: Any, blobs: Any, code: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as refused:
        Bundle.write(tmp_path / "a.mien", manifest, blobs)
    assert refused.value.code == code
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_a_key_of_the_wrong_length_is_refused(key: bytes, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as refused:
        written(tmp_path, key=key)
    assert refused.value.code == "bundle.key"


def test_signing_without_the_package_names_the_pip_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from mien.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[sign\]'"):
        new_key()
