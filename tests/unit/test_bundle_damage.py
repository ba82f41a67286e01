"""mien.bundle: damaged and hostile files are refused before anything uses them."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien import bundle
from mien.bundle import Bundle
from mien.errors import BundleError

BLOBS = {"a.bin": b"0123456789" * 5, "sub/b.bin": b"xyz"}
MANIFEST: dict[str, Any] = {"schema": 1, "name": "t", "task": "face", "licence": {"spdx": "MIT"}, "networks": {}}


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("intact") / "a.mien"
    Bundle.write(path, MANIFEST, BLOBS, key=bytes(32))
    return path.read_bytes()


def refusal(path: Path, data: bytes | None = None) -> str:
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BundleError) as refused:
        Bundle.open(path)
    return refused.value.code


def zipped(
    path: Path,
    members: list[tuple[str, bytes]],
    compression: int = zipfile.ZIP_STORED,
    align: int = 64,
    mode: int = 0o644,
    gap: bytes = b"",
) -> Path:
    """A zip made member by member, with `manifest.json` unless the members bring one; `gap` goes before the last."""
    if all(name != "manifest.json" for name, _ in members):
        members = [("manifest.json", json.dumps({**MANIFEST, "blobs": {}}).encode()), *members]
    with zipfile.ZipFile(path, "w", compression) as archive:
        assert archive.fp is not None
        for number, (name, data) in enumerate(members):
            if number == len(members) - 1:
                archive.fp.write(gap)
                archive.start_dir = archive.fp.tell()
            info = zipfile.ZipInfo(name)
            pad = -(archive.fp.tell() + 30 + len(name) + 4) % align
            info.extra, info.external_attr = struct.pack("<HH", 0xD935, pad) + bytes(pad), mode << 16
            archive.writestr(info, data, compress_type=compression)
    return path


def listing(**hashes: str) -> bytes:
    return json.dumps({**MANIFEST, "blobs": hashes}).encode()


def contents(path: Path) -> tuple[Any, dict[str, bytes]]:
    with Bundle.open(path) as opened:
        return opened.manifest.root.fields, {name: bytes(opened.blob(name)) for name in opened.names()}


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.mien") == "bundle.missing"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "bundle.missing"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.mien", b"") == "bundle.truncated"


@pytest.mark.parametrize("data", [b"hello", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), bytes(5000)])
def test_a_file_that_is_no_bundle_is_refused(data: bytes, tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.mien", data) in ("bundle.truncated", "bundle.members")


def test_a_bundle_cut_anywhere_is_refused(intact: bytes, tmp_path: Path) -> None:
    for length in (*range(1, len(intact), 7), len(intact) - 1):
        assert refusal(tmp_path / "a.mien", intact[:length]).startswith("bundle."), length


def test_a_flipped_bit_is_refused_or_changes_nothing(intact: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mien"
    path.write_bytes(intact)
    meant, refused = contents(path), 0
    for bit in range(0, len(intact) * 8, 5):
        data = bytearray(intact)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        try:
            assert contents(path) == meant, f"bit {bit}"
        except BundleError:
            refused += 1
    assert refused > 0


@given(
    edits=st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4),
    cut=st.integers(0, 200),
)
def test_bytes_overwritten_at_random_are_refused_or_change_nothing(
    edits: list[tuple[int, bytes]], cut: int, intact: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "a.mien"
    path.write_bytes(intact)
    meant = contents(path)
    data = bytearray(intact[: len(intact) - cut])
    for at, patch in edits:
        at %= len(data)
        data[at : at + len(patch)] = patch
    path.write_bytes(data)
    try:
        assert contents(path) == meant
    except BundleError as refused:
        assert refused.code.startswith(("bundle.", "manifest."))


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../../evil", "a\\..\\evil", "C:evil", "a/./b", ".ssh/key"]
)
def test_a_name_that_leaves_the_bundle_is_refused(name: str, tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "a.mien", [(name, b"x")])) == "bundle.path"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_comes_twice_is_refused(tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "a.mien", [("a", b"x"), ("a", b"y")])) == "bundle.members"


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_compressed_member_is_refused(compression: int, tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "a.mien", [("a", b"x" * 100)], compression)) == "bundle.compressed"


def test_a_zip_bomb_is_refused_without_unpacking_it(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "a.mien", [("manifest.json", b" " * (64 << 20))], zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 1 << 20
    assert refusal(bomb) == "bundle.compressed"


def test_a_stored_member_that_claims_more_than_it_has_is_refused(intact: bytes, tmp_path: Path) -> None:
    data = bytearray(intact)
    entry = data.rindex(b"PK\x01\x02")
    struct.pack_into("<II", data, entry + 20, 1 << 30, 1 << 30)
    assert refusal(tmp_path / "a.mien", bytes(data)) == "bundle.truncated"


def test_a_member_hidden_inside_another_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.mien", [("inner", b"x"), ("manifest.json", b"{}")])
    inner = path.read_bytes()[: path.read_bytes().index(b"PK\x01\x02")]
    zipped(path, [("outer", inner), ("inner", b"x")])
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 42, data.index(inner))
    with pytest.raises(BundleError, match="overlap"):
        path.write_bytes(data)
        Bundle.open(path)


Limit = tuple[str, int, Callable[[Path], Path]]
LIMITS: dict[str, Limit] = {
    "the file": ("MAX_BYTES", 100, lambda path: zipped(path, [])),
    "the manifest": ("MAX_MANIFEST_BYTES", 10, lambda path: zipped(path, [])),
    "the number of members": ("MAX_MEMBERS", 3, lambda path: zipped(path, [(f"m{i}", b"") for i in range(3)])),
}


@pytest.mark.parametrize(("limit", "value", "make"), LIMITS.values(), ids=LIMITS.keys())
def test_what_is_beyond_a_limit_is_refused(
    limit: str, value: int, make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "a.mien")
    monkeypatch.setattr(bundle, limit, value)
    assert refusal(path) == "bundle.oversized"


def test_a_zip_without_a_manifest_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.mien", [("manifest.json", b"{}")])
    path.write_bytes(path.read_bytes().replace(b"manifest.json", b"manifest.onnx"))
    assert refusal(path) == "bundle.members"


def test_a_member_whose_data_is_not_aligned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="aligned"):
        Bundle.open(zipped(tmp_path / "a.mien", [("a", b"x")], align=1))


def test_bytes_between_two_members_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not follow"):
        Bundle.open(zipped(tmp_path / "a.mien", [("a", b"x")], gap=b"hidden"))


def test_bytes_between_the_last_member_and_the_directory_are_refused(intact: bytes, tmp_path: Path) -> None:
    at = intact.index(b"PK\x01\x02")
    data = bytearray(intact[:at] + b"hidden" + intact[at:])
    struct.pack_into("<I", data, len(data) - 6, at + len(b"hidden"))
    (tmp_path / "a.mien").write_bytes(data)
    with pytest.raises(BundleError, match="6 bytes belong to no member"):
        Bundle.open(tmp_path / "a.mien")


def test_bytes_hidden_in_the_padding_are_refused(intact: bytes, tmp_path: Path) -> None:
    data = bytearray(intact)
    data[data.index(b"{") - 1] = 1
    assert refusal(tmp_path / "a.mien", bytes(data)) == "bundle.altered"


def test_a_link_among_the_members_is_refused(tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "a.mien", [("a", b"/etc/passwd")], mode=0o120777)) == "bundle.members"


def test_names_that_differ_in_upper_and_lower_case_only_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="case"):
        Bundle.open(zipped(tmp_path / "a.mien", [("a", b"x"), ("A", b"y")]))


def test_a_member_that_the_manifest_does_not_list_is_refused(tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "a.mien", [("a", b"x")])) == "bundle.members"


def test_a_listed_member_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "a.mien", [("manifest.json", listing(a="0" * 64))])) == "bundle.members"


def test_a_blob_that_differs_from_its_hash_is_refused(tmp_path: Path) -> None:
    members = [("manifest.json", listing(a="0" * 64)), ("a", b"x")]
    assert refusal(zipped(tmp_path / "a.mien", members)) == "bundle.altered"


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe\xfa", b"[" * 5000, b'"text"', b"{}", b"null", b"1" * 5000])
def test_a_manifest_that_is_no_json_object_is_refused(text: bytes, tmp_path: Path) -> None:
    code = refusal(zipped(tmp_path / "a.mien", [("manifest.json", text)]))
    assert code in ("manifest.json", "manifest.field")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.mien", [("manifest.json", listing())])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert refusal(path, bytes(data)) == "bundle.compressed"


@pytest.mark.parametrize("extra", [b"\0", b"trailing bytes", bytes(4096)])
def test_bytes_behind_the_directory_are_refused(intact: bytes, extra: bytes, tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.mien", intact + extra) == "bundle.truncated"


def test_bytes_before_the_first_member_are_refused(intact: bytes, tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.mien", bytes(64) + intact) == "bundle.altered"


def test_an_archive_comment_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.mien", [])
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"PK\x05\x06 hides another directory"
    assert refusal(path) in ("bundle.truncated", "bundle.altered")


def test_a_directory_of_too_many_members_is_refused_before_it_is_read(
    intact: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZipFile", None)  # reading it would fail otherwise
    many = bytearray(intact)
    struct.pack_into("<2H", many, len(many) - 14, 40_000, 40_000)
    assert refusal(tmp_path / "a.mien", bytes(many)) == "bundle.oversized"


def test_a_bundle_too_large_to_be_opened_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_MEMBERS", 3)
    with pytest.raises(BundleError) as refused:
        Bundle.write(tmp_path / "a.mien", MANIFEST, {f"{k}.bin": b"" for k in range(4)})
    assert refused.value.code == "bundle.oversized"
    assert list(tmp_path.iterdir()) == []
