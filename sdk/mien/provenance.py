"""Says in a picture's or video's metadata that a network had a hand in it.

The statement is the IPTC property *digital source type* ("composite with trained algorithmic media") in an XMP packet,
which is where platforms and photo programs look for it. PNG keeps XMP in an iTXt chunk before the pixels, JPEG in an
APP1 segment, MP4 and MOV in a `uuid` box at the end (Adobe, XMP Specification Part 3: Storage in Files).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import quoteattr

from mien.sinks._files import opening

COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PNG = b"\x89PNG\r\n\x1a\n"


def xmp(mark: str, tool: str = "mien") -> bytes:
    """The packet.

    Args:
        mark: which kind of mark the pixels carry, as `mien.marking.KINDS` names them.
        tool: what made it.
    """
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:mien="urn:mien:provenance"'
        f" xmp:CreatorTool={quoteattr(tool)} mien:mark={quoteattr(mark)}"
        f" Iptc4xmpExt:DigitalSourceType={quoteattr(COMPOSITE)}/>"
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def stamp(path: str | os.PathLike[str], mark: str, tool: str = "mien") -> bool:
    """Puts the statement into a file that is complete.

    Returns:
        Whether its kind of file can keep one: PNG, JPEG, MP4, MOV and M4V can.

    Raises:
        SinkError: ``sink.open``, ``sink.write``, it cannot be read or written.
    """
    where = Path(path)
    with opening(where):
        data = where.read_bytes()
        for fits, put in _CONTAINERS:
            if fits(data):
                beside = where.with_name(f".{where.name}.stamped")
                beside.write_bytes(put(data, xmp(mark, tool)))
                beside.replace(where)  # the file is whole at every moment
                return True
    return False


def _in_png(data: bytes, packet: bytes) -> bytes:
    body = b"XML:com.adobe.xmp\0\0\0\0\0" + packet
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    after = len(_PNG) + 25  # the header chunk has a fixed size
    return data[:after] + chunk + data[after:]


def _in_jpeg(data: bytes, packet: bytes) -> bytes:
    body = _JPEG_XMP + packet
    after = 2
    while data[after : after + 2] in (b"\xff\xe0", b"\xff\xe1"):  # JFIF and Exif come first
        after += 2 + int(struct.unpack_from(">H", data, after + 2)[0])
    return data[:after] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[after:]


def _in_mp4(data: bytes, packet: bytes) -> bytes:
    return data + struct.pack(">I", 24 + len(packet)) + b"uuid" + _XMP_BOX + packet


_CONTAINERS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes, bytes], bytes]], ...] = (
    (lambda data: data.startswith(_PNG) and len(data) > 33, _in_png),
    (lambda data: data.startswith(b"\xff\xd8"), _in_jpeg),
    (lambda data: data[4:8] == b"ftyp", _in_mp4),
)
