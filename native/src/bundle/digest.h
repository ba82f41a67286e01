// The two digests of a bundle: SHA-256 (FIPS 180-4) of its blobs, and the CRC-32 (ISO 3309) of a zip's members.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace mien::bundle {

// 64 lower-case hexadecimal digits.
std::string sha256(const uint8_t *data, size_t size);

uint32_t crc32(const uint8_t *data, size_t size);

}  // namespace mien::bundle
